// What an activity compiles to: a step over rows of typed columns. Plain values; any thread once
// made.
//
// Rows carry, beside their columns, __tarn_position (kPositionColumn of record_rows.h) and
// _ingested_at of the record that they come from, and between steps __tarn_state: 0 while the row
// is on its way, kDropped, or the FailedState of the step that failed for it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <absl/time/time.h>

#include "tarn/ingestion/v1/activity.pb.h"

#include "common/duckdb/logical_type.h"
#include "common/table_schema/engine_types.h"

namespace tarn::ingestion {

// Of tables between steps; no column's name may begin so.
inline constexpr std::string_view kHiddenPrefix = "__tarn_";
inline constexpr int kDropped = -1;

struct ActivityColumn {
  table_schema::Field field;
  duckdb::LogicalType type;
  // How many times larger than the record it can be (common/sql_expression).
  double growth = 1;
};

// The rows of a table, or of the registry, that rows are joined to.
struct JoinedRelation {
  // Empty for the device registry.
  std::string table;
  // The table's columns, in the order in which the relation has them.
  std::vector<std::string> table_columns;
  // How many of them, the first, are the key.
  size_t key_count = 0;
  // The expressions over a row that the key must equal, in order.
  std::vector<std::string> row_keys;
  absl::Duration refresh_interval;
  v1::MissingPolicy missing = v1::MISSING_POLICY_NULLS;
};

// A step that the engine does: one SELECT over the rows before it.
struct SqlStep {
  // What may fail for a row: an expression over the columns before, and over the relation's columns
  // "__tarn_r0", "__tarn_r1", …; its value is the field v of __tarn_try afterwards. Empty for none.
  std::string guarded;
  // A condition over the columns before without which the row fails, and what it is told then.
  std::string check;
  std::string check_message;
  // A condition over __tarn_try and the columns before; a row for which it is not true is
  // dropped.
  std::string keep;
  std::optional<JoinedRelation> relation;
  // The values of the columns after the step, over those before it and __tarn_try.
  std::vector<std::string> select;
};

struct DeduplicateStep {
  std::vector<std::string> key;
  absl::Duration window;
};

struct CallStep {
  v1::CallActivity call;
  table_schema::Fields input;
};

// The index of steps that stand before the activities.
inline constexpr int kBeforeActivities = -1;

struct ActivityStep {
  // Of the activity.
  int index = 0;
  // For messages: "temperature (activity 3, compute)".
  std::string label;
  // The columns after it.
  std::vector<ActivityColumn> columns;
  std::variant<SqlStep, DeduplicateStep, CallStep> work;
};

inline int FailedState(const ActivityStep& step) { return step.index + 2; }

}  // namespace tarn::ingestion

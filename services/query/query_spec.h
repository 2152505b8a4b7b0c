// The domain types of a query: what was asked for, and what came of it. Plain structs.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <absl/time/time.h>
#include <nlohmann/json.hpp>

#include "services/query/sql/statement.h"

namespace tarn::query {

// One statement as a caller asked for it, with limits already capped by the server's.
struct QuerySpec {
  std::string workspace;
  std::string user;
  std::string sql;
  std::string default_database;
  // Values for `$name` as JSON: null, booleans, numbers and strings.
  std::map<std::string, nlohmann::json> parameters;
  std::string time_zone;
  std::string source;
  // Names what is written, for all tries of it; empty: the query's id does.
  std::string commit_key;
  absl::Duration timeout;
  int64_t max_rows = 0;
  int64_t max_memory_bytes = 0;
  // An export's format and file name; empty for none.
  std::string export_format;
  std::string export_file_name;
};

struct ResultColumnInfo {
  std::string name;
  std::string type;
};

// What a statement read and made, filled in as it goes on, so that a failure shows how far it came.
struct QueryOutcome {
  StatementKind kind = StatementKind::kSelect;
  bool kind_known = false;
  absl::Duration planning_time;
  absl::Duration execution_time;
  int64_t row_count = 0;
  int64_t bytes_read = 0;
  int64_t files_read = 0;
  int64_t files_skipped = 0;
  std::vector<ResultColumnInfo> columns;
  // database.table@snapshot
  std::vector<std::string> snapshots;
  std::string export_path;
  std::string written_snapshot;
  // A commit was sent, and what became of it is not known.
  bool commit_in_doubt = false;
};

enum class RowFormat { kJsonRows, kCsv };

}  // namespace tarn::query

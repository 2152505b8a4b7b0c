// The result of a rule's SQL, and the observations in it. Pure; any thread.
#pragma once

#include <string>
#include <vector>

#include <absl/status/statusor.h>

#include "services/alerting/evaluation/alert_state.h"

namespace tarn::alerting {

// A rule's result has at most so many rows.
inline constexpr int kMaxRows = 1000;

struct ResultTable {
  struct Column {
    std::string name;
    std::string type;  // as the catalog writes it: double, decimal(10,2), string…
  };
  std::vector<Column> columns;
  std::vector<std::string> rows;  // a JSON array each
};

// The columns whose values tell alerts apart: `wanted`, or all but `value_column` when it is empty.
// INVALID_ARGUMENT with reason COLUMN_NOT_FOUND when one of them, or the value's, is not there;
// DUPLICATE_COLUMN when a name is there twice.
absl::StatusOr<std::vector<std::string>> LabelColumns(const ResultTable& table,
                                                      const std::string& value_column,
                                                      const std::vector<std::string>& wanted);

// One observation a row. A label that is NULL is the empty text. Besides the errors above,
// INVALID_ARGUMENT with reason VALUE_NOT_NUMERIC, DUPLICATE_LABELS (two rows are told apart by
// nothing) or RESULT_TOO_LARGE.
absl::StatusOr<std::vector<Observation>> ObservationsOf(const ResultTable& table,
                                                        const std::string& value_column,
                                                        const std::vector<std::string>& labels);

}  // namespace tarn::alerting

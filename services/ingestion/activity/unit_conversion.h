// The conversions of the convert activity, as SQL over a column. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

#include <absl/status/statusor.h>

#include "common/duckdb/logical_type.h"

namespace tarn::ingestion {

struct UnitConversion {
  // The value; `check` holds what must be true of the argument first (empty: nothing).
  std::string sql;
  std::string check;
  std::string check_message;
  // The catalog's type of the value.
  std::string type;
};

// `argument` is the SQL of a column of type `type`. INVALID_ARGUMENT (INVALID_FIELD) names `from`,
// `to` or `column`, without a path before it, and says what there is.
absl::StatusOr<UnitConversion> ConvertUnits(const std::string& from, const std::string& to,
                                            const std::string& argument,
                                            const duckdb::LogicalType& type);

}  // namespace tarn::ingestion

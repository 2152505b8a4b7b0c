// CSV (RFC 4180) made of values and of JSON rows, for what does not come from the engine as CSV:
// kept results, DESCRIBE and SHOW. Pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "services/query/query_spec.h"

namespace tarn::query {

// One value: NULL is an empty field, an empty string is "".
std::string CsvField(const nlohmann::json& value);
// A line, ended by CRLF.
std::string CsvLine(const std::vector<nlohmann::json>& values);
std::string CsvHeader(const std::vector<ResultColumnInfo>& columns);
// JSON arrays, one a line, as CSV lines.
std::string JsonRowsToCsv(std::string_view rows);

}  // namespace tarn::query

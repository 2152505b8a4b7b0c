#include "services/query/csv_rows.h"

#include <nlohmann/json.hpp>

namespace tarn::query {

using nlohmann::json;

std::string CsvField(const json& value) {
  if (value.is_null()) return "";
  const std::string text = value.is_string() ? value.get<std::string>() : value.dump();
  const bool plain = !text.empty() && text.find_first_of(",\"\r\n") == std::string::npos &&
                     text.front() != ' ' && text.back() != ' ';
  if (plain) return text;
  std::string quoted = "\"";
  for (char c : text) quoted.append(c == '"' ? 2 : 1, c);
  quoted.push_back('"');
  return quoted;
}

std::string CsvLine(const std::vector<json>& values) {
  std::string line;
  for (size_t i = 0; i < values.size(); ++i) {
    if (i > 0) line.push_back(',');
    line.append(CsvField(values[i]));
  }
  line.append("\r\n");
  return line;
}

std::string CsvHeader(const std::vector<ResultColumnInfo>& columns) {
  std::vector<json> names;
  for (const ResultColumnInfo& column : columns) names.emplace_back(column.name);
  return CsvLine(names);
}

std::string JsonRowsToCsv(std::string_view rows) {
  std::string csv;
  while (!rows.empty()) {
    const size_t end = rows.find('\n');
    const json row = json::parse(rows.substr(0, end), nullptr, /*allow_exceptions=*/false);
    if (row.is_array()) csv.append(CsvLine(row.get<std::vector<json>>()));
    rows.remove_prefix(end == std::string_view::npos ? rows.size() : end + 1);
  }
  return csv;
}

}  // namespace tarn::query

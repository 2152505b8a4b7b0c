#include "tools/datagen/csv_reader.h"

#include <algorithm>
#include <utility>

#include "common/status/error.h"

namespace tarn::datagen {

absl::StatusOr<size_t> CsvTable::Column(std::string_view name) const {
  const auto it = std::find(header.begin(), header.end(), name);
  if (it != header.end()) return static_cast<size_t>(it - header.begin());
  return InvalidArgument("COLUMN_MISSING", "there is no column '" + std::string(name) + "'");
}

absl::StatusOr<CsvTable> ParseCsv(std::string_view text) {
  CsvTable table;
  std::vector<std::string> row;
  std::string field;
  bool quoted = false;
  size_t line = 1, row_line = 1;

  const auto end_row = [&]() -> absl::Status {
    row.push_back(std::exchange(field, {}));
    if (table.header.empty()) {
      table.header = std::exchange(row, {});
    } else if (row.size() == table.header.size()) {
      table.rows.push_back(std::exchange(row, {}));
    } else if (row.size() == 1 && row[0].empty()) {
      row.clear();  // an empty line
    } else {
      return InvalidArgument(
          "BAD_CSV", "line " + std::to_string(row_line) + " has " + std::to_string(row.size()) +
                         " fields where the header has " + std::to_string(table.header.size()));
    }
    return absl::OkStatus();
  };

  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\n') ++line;
    if (quoted) {
      if (c != '"') {
        field += c;
      } else if (i + 1 < text.size() && text[i + 1] == '"') {
        field += '"';
        ++i;
      } else {
        quoted = false;
      }
    } else if (c == '"' && field.empty()) {
      quoted = true;
    } else if (c == ',') {
      row.push_back(std::exchange(field, {}));
    } else if (c == '\n') {
      if (absl::Status status = end_row(); !status.ok()) return status;
      row_line = line;
    } else if (c == '\r' && i + 1 < text.size() && text[i + 1] == '\n') {
      // The end of the line follows.
    } else {
      field += c;
    }
  }
  if (quoted) {
    return InvalidArgument("BAD_CSV", "the row of line " + std::to_string(row_line) +
                                          " has a quote that is not closed");
  }
  if (!field.empty() || !row.empty()) {
    if (absl::Status status = end_row(); !status.ok()) return status;
  }
  return table;
}

}  // namespace tarn::datagen

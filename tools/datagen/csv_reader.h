// A small RFC 4180 reader: quoted fields, doubled quotes, line breaks in quotes, CRLF or LF, a last
// line with or without its end. Every value is text. Pure functions; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <absl/status/statusor.h>

namespace tarn::datagen {

struct CsvTable {
  std::vector<std::string> header;
  std::vector<std::vector<std::string>> rows;  // each as long as the header

  // The position of a column. INVALID_ARGUMENT (COLUMN_MISSING).
  absl::StatusOr<size_t> Column(std::string_view name) const;
};

// INVALID_ARGUMENT (BAD_CSV), with the line, when a quote is not closed or a row has too few or too
// many fields.
absl::StatusOr<CsvTable> ParseCsv(std::string_view text);

}  // namespace tarn::datagen

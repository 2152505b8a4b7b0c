// Reads delimited text (RFC 4180, with any delimiter, quote and escape; lines end with LF, CRLF or
// CR; a byte order mark is skipped; the last line may lack its end) and finds out how it is
// written. Strict where the engine could guess: every row has as many fields as the first, and a
// quoted field ends with its quote. Empty lines do not count, nor, where there is a comment
// character, rows that begin with it. A row has at most kMaxCsvRowBytes.
//
// Errors are INVALID_ARGUMENT CORRUPT_FILE with the line; no other state. One thread an object.
#pragma once

#include <cstdint>
#include <functional>
#include <istream>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "services/catalog/crawl/scanned_file.h"

namespace tarn::catalog {

// As many as the engine takes.
inline constexpr size_t kMaxCsvRowBytes = 2 << 20;

struct CsvDialect {
  char delimiter = ',';
  char quote = '"';
  char escape = '"';
  char comment = '\0';  // none

  friend bool operator==(const CsvDialect&, const CsvDialect&) = default;
};

// Gets the rows one by one; false stops. `line` counts from 1, that of the row's first character.
using CsvRowVisitor = std::function<bool(int64_t line, const std::vector<std::string>& fields)>;

// Reads to the end, an error, or where the visitor stops.
absl::Status VisitCsvRows(std::istream& in, const CsvDialect& dialect, const CsvRowVisitor& visit);

// One row as it is read back as the same fields, with its line end.
std::string CsvRow(const CsvDialect& dialect, const std::vector<std::string>& fields);

// The delimiter among , ; tab and | that divides the text's first rows most evenly.
char DetectDelimiter(std::string_view sample, char quote, char comment = '\0');

// Whether a first row holds names rather than values: all of its fields are given, differ and look
// like words, and not like the values below them.
bool LooksLikeHeader(const std::vector<std::string>& first_row);

// The names of columns for a header, or for a first row without one ("column_1"): trimmed, missing
// ones filled in, repeated ones numbered.
std::vector<std::string> ColumnNames(const std::vector<std::string>& first_row, bool header);

// Types and rows of a whole file. `names` are those that every file of the table has; with a
// header, one that differs is an error.
absl::StatusOr<ScannedFile> ScanCsv(std::istream& in, const CsvDialect& dialect, bool header,
                                    const std::string& null_text,
                                    const std::vector<std::string>& names);

}  // namespace tarn::catalog

// Plain text, each of whose lines a regular expression fits: its named groups are the columns,
// typed as the fields of CSV are. Empty lines do not count, nor, where there is a comment
// character, lines that begin with it; any other line that the expression does not fit is an error,
// since nothing is dropped in silence. A group that took no part, or took nothing, is NULL.
//
// Any thread.
#pragma once

#include <functional>
#include <istream>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "services/catalog/crawl/scanned_file.h"

namespace re2 {
class RE2;
}

namespace tarn::catalog {

class TextPattern {
 public:
  // INVALID_ARGUMENT INVALID_PATTERN: what is no expression, has no named group or too many, or is
  // longer than 4,000 bytes.
  static absl::StatusOr<TextPattern> Create(const std::string& pattern);
  TextPattern(TextPattern&& other) noexcept;
  ~TextPattern();

  // Types and rows. INVALID_ARGUMENT CORRUPT_FILE with the line.
  absl::StatusOr<ScannedFile> Scan(std::istream& in, char comment) const;
  // The rows as JSON objects, one a call and without their line end, every value a text.
  absl::Status VisitRows(std::istream& in, char comment,
                         const std::function<absl::Status(const std::string& row)>& visit) const;

 private:
  struct Column {
    int group = 0;
    std::string name;
  };
  using FieldsVisitor = std::function<absl::Status(const std::vector<std::string_view>& fields)>;

  TextPattern(std::unique_ptr<re2::RE2> expression, std::vector<Column> columns);
  absl::Status VisitFields(std::istream& in, char comment, const FieldsVisitor& visit) const;

  std::unique_ptr<re2::RE2> expression_;
  std::vector<Column> columns_;
};

}  // namespace tarn::catalog

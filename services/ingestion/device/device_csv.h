// The rows of a CSV text after RFC 4180: commas, double quotes, CRLF or LF, line ends within
// quotes. Not thread safe; the text outlives the reader.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tarn::ingestion {

class DeviceCsv {
 public:
  explicit DeviceCsv(std::string_view text);

  // The next row that is not empty; false at the end and after an error.
  bool Next(std::vector<std::string>& fields);
  // The line on which the last row began, from 1.
  int64_t line() const { return row_line_; }
  // "" unless the text is broken after line().
  const std::string& error() const { return error_; }

 private:
  std::string_view text_;
  size_t at_ = 0;
  int64_t next_line_ = 1;
  int64_t row_line_ = 0;
  std::string error_;
};

}  // namespace tarn::ingestion

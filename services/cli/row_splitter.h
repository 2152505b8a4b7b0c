// Divides text that is not JSON into records: CSV into rows, plain text into lines. As with
// RecordSplitter, whose bounds hold here too, only boundaries are looked for, by the server's
// rules: a quote opens a field only at its beginning, and a malformed row ends with its line. Empty
// lines are passed over, also CR before LF and a byte order mark. One thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/status.h>

#include "services/cli/record_splitter.h"

namespace tarn::cli {

class RowSplitter final : public TextSplitter {
 public:
  // `delimiter` is CSV's; 0 takes the text for plain lines. Errors of the sink come back from Add
  // and Finish.
  RowSplitter(char delimiter, RecordSink sink) : delimiter_(delimiter), sink_(std::move(sink)) {}

  absl::Status Add(std::string_view piece) override;
  absl::Status Finish() override { return Emit(); }

 private:
  enum class State { kFieldStart, kPlain, kQuoted, kQuoteInQuoted, kMalformed };

  void Take(char c);
  absl::Status Emit();

  const char delimiter_;
  const RecordSink sink_;
  State state_ = State::kFieldStart;
  std::string row_;
  int64_t line_ = 1;
  int64_t row_line_ = 1;
  bool at_start_ = true;  // of the text
};

// The fields of one row of CSV without its line end. INVALID_ARGUMENT (INVALID_CSV) when it is
// malformed.
absl::StatusOr<std::vector<std::string>> CsvFields(std::string_view row, char delimiter);

}  // namespace tarn::cli

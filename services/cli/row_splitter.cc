#include "services/cli/row_splitter.h"

#include "common/status/error.h"
#include "common/status/status_macros.h"

namespace tarn::cli {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

}  // namespace

absl::Status RowSplitter::Add(std::string_view piece) {
  for (const char c : piece) {
    const bool ends = c == '\n' && (delimiter_ == 0 || state_ != State::kQuoted);
    if (c == '\n') ++line_;
    if (ends) {
      TARN_RETURN_IF_ERROR(Emit());
      continue;
    }
    if (row_.empty()) row_line_ = line_;
    Take(c);
    // One byte more than a record may have is enough to be refused.
    if (row_.size() <= kMaxRecordBytes) row_ += c;
    if (at_start_ && row_.size() == kByteOrderMark.size()) {
      if (row_ == kByteOrderMark) {
        row_.clear();
        state_ = State::kFieldStart;
      }
      at_start_ = false;
    }
  }
  return absl::OkStatus();
}

void RowSplitter::Take(char c) {
  if (delimiter_ == 0) return;
  switch (state_) {
    case State::kFieldStart:
      state_ = c == '"' ? State::kQuoted : c == delimiter_ ? State::kFieldStart : State::kPlain;
      break;
    case State::kPlain:
      if (c == delimiter_) state_ = State::kFieldStart;
      if (c == '"') state_ = State::kMalformed;
      break;
    case State::kQuoted:
      if (c == '"') state_ = State::kQuoteInQuoted;
      break;
    case State::kQuoteInQuoted:
      state_ = c == '"'          ? State::kQuoted
               : c == delimiter_ ? State::kFieldStart
               : c == '\r'       ? State::kQuoteInQuoted
                                 : State::kMalformed;
      break;
    case State::kMalformed:
      break;
  }
}

absl::Status RowSplitter::Emit() {
  state_ = State::kFieldStart;
  at_start_ = false;
  if (!row_.empty() && row_.back() == '\r') row_.pop_back();
  if (row_.empty()) return absl::OkStatus();
  const absl::Status status = sink_({.bytes = row_, .line = row_line_});
  row_.clear();
  return status;
}

absl::StatusOr<std::vector<std::string>> CsvFields(std::string_view row, char delimiter) {
  const auto malformed = [] {
    return InvalidArgument("INVALID_CSV", "the header line has a quote in the wrong place");
  };
  std::vector<std::string> fields(1);
  size_t at = 0;
  while (true) {
    std::string& field = fields.back();
    if (at < row.size() && row[at] == '"') {
      while (true) {
        const size_t quote = row.find('"', at + 1);
        if (quote == std::string_view::npos) return malformed();
        field += row.substr(at + 1, quote - at - 1);
        at = quote + 1;
        if (at == row.size() || row[at] != '"') break;
        field += '"';
      }
      if (at < row.size() && row[at] != delimiter) return malformed();
    } else {
      while (at < row.size() && row[at] != delimiter) {
        if (row[at] == '"') return malformed();
        field += row[at++];
      }
    }
    if (at == row.size()) return fields;
    ++at;
    fields.emplace_back();
  }
}

}  // namespace tarn::cli

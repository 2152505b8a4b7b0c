#include "services/cli/record_splitter.h"

#include "common/status/error.h"
#include "common/status/status_macros.h"

namespace tarn::cli {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

}  // namespace

absl::Status RecordSplitter::Add(std::string_view piece) {
  for (size_t at = 0; at < piece.size();) {
    // Most of a text is the middle of lines.
    if (state_ == State::kLine && !record_.empty()) {
      at += TakeLine(piece.substr(at));
      if (at == piece.size()) break;
    }
    const char c = piece[at++];
    TARN_RETURN_IF_ERROR(Take(c));
    if (c == '\n') ++line_;
  }
  return absl::OkStatus();
}

size_t RecordSplitter::TakeLine(std::string_view rest) {
  const std::string_view line = rest.substr(0, rest.find('\n'));
  if (record_.size() + line.size() <= kMaxRecordBytes) {
    record_ += line;
  } else {
    for (const char c : line) Append(c);
  }
  return line.size();
}

absl::Status RecordSplitter::Take(char c) {
  if (state_ == State::kStart) {
    if (mark_bytes_ < 3 && c == kByteOrderMark[mark_bytes_]) {
      ++mark_bytes_;
      return absl::OkStatus();
    }
    if (IsSpace(c)) return absl::OkStatus();
    if (c == '[') {
      state_ = State::kBeforeRecord;
      array_line_ = line_;
      return absl::OkStatus();
    }
    state_ = State::kLine;
  }
  if (state_ != State::kLine) return TakeInArray(c);
  if (c == '\n') return Emit();
  // The white space that begins a line is no part of its record.
  if (record_.empty() && IsSpace(c)) return absl::OkStatus();
  if (record_.empty()) record_line_ = line_;
  Append(c);
  return absl::OkStatus();
}

absl::Status RecordSplitter::TakeInArray(char c) {
  if (state_ == State::kRecord) return TakeInRecord(c);
  if (IsSpace(c)) return absl::OkStatus();
  switch (state_) {
    case State::kBeforeRecord:
      if (c == ']' && !comma_seen_) {
        state_ = State::kEnd;
        return absl::OkStatus();
      }
      if (c == ',' || c == ']' || c == '}') return Malformed("a record is missing");
      BeginRecord(c);
      return absl::OkStatus();
    case State::kAfterRecord:
      if (c == ']') {
        state_ = State::kEnd;
        return absl::OkStatus();
      }
      if (c != ',') return Malformed("a comma is missing between two records");
      comma_seen_ = true;
      state_ = State::kBeforeRecord;
      return absl::OkStatus();
    default:
      return Malformed("something stands after the array");
  }
}

void RecordSplitter::BeginRecord(char c) {
  state_ = State::kRecord;
  record_line_ = line_;
  comma_seen_ = false;
  depth_ = c == '{' || c == '[' ? 1 : 0;
  in_string_ = c == '"';
  escaped_ = false;
  Append(c);
}

// Objects and arrays end with their bracket, text with its quote, other values before what follows.
absl::Status RecordSplitter::TakeInRecord(char c) {
  if (in_string_) {
    Append(c);
    if (escaped_) {
      escaped_ = false;
    } else if (c == '\\') {
      escaped_ = true;
    } else if (c == '"') {
      in_string_ = false;
      if (depth_ == 0) {
        state_ = State::kAfterRecord;
        return Emit();
      }
    }
    return absl::OkStatus();
  }
  if (depth_ == 0 && (c == ',' || c == ']' || IsSpace(c))) {
    state_ = State::kAfterRecord;
    TARN_RETURN_IF_ERROR(Emit());
    return TakeInArray(c);
  }
  Append(c);
  if (c == '"') {
    in_string_ = true;
  } else if (c == '{' || c == '[') {
    ++depth_;
  } else if (c == '}' || c == ']') {
    --depth_;
    if (depth_ < 0) return Malformed("a bracket has no beginning");
    if (depth_ == 0) {
      state_ = State::kAfterRecord;
      return Emit();
    }
  }
  return absl::OkStatus();
}

absl::Status RecordSplitter::Finish() {
  switch (state_) {
    case State::kStart:
    case State::kEnd:
      return absl::OkStatus();
    case State::kLine:
      return Emit();
    default:
      return InvalidArgument("INVALID_JSON",
                             "line " + std::to_string(line_) +
                                 ": the text ends within the array that begins on line " +
                                 std::to_string(array_line_) + "; is the file whole?",
                             {{"line", std::to_string(line_)}});
  }
}

void RecordSplitter::Append(char c) {
  if (record_.size() <= kMaxRecordBytes) {
    record_ += c;
  } else if (!IsSpace(c)) {
    too_large_ = true;
  }
}

absl::Status RecordSplitter::Emit() {
  // Of a record that was cut, every byte counts: it must stay too large.
  while (!too_large_ && !record_.empty() && IsSpace(record_.back())) record_.pop_back();
  if (record_.empty()) return absl::OkStatus();
  const absl::Status status = sink_({.bytes = record_, .line = record_line_});
  record_.clear();
  too_large_ = false;
  return status;
}

absl::Status RecordSplitter::Malformed(const std::string& what) const {
  return InvalidArgument("INVALID_JSON", "line " + std::to_string(line_) + ": " + what,
                         {{"line", std::to_string(line_)}});
}

}  // namespace tarn::cli

// Divides JSON lines, or one JSON array, into records, whose bytes stay as they are. The text comes
// in pieces of any size, so that a file larger than memory can be put. Only boundaries are looked
// for: whether a record is JSON is the server's to say. One thread.
//
// A text whose first character is [ is an array; any other has one record a line. A byte order mark
// and empty lines are passed over, also CR before LF.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include <absl/status/status.h>

namespace tarn::cli {

struct RecordText {
  std::string_view bytes;  // valid during the call
  int64_t line = 0;        // on which it begins, from 1
};

// The server refuses a larger record, so that of such a one no more than this and a byte is kept.
inline constexpr size_t kMaxRecordBytes = 1 << 20;

using RecordSink = std::function<absl::Status(const RecordText&)>;

// What divides a text into records, whatever it is.
class TextSplitter {
 public:
  virtual ~TextSplitter() = default;
  virtual absl::Status Add(std::string_view piece) = 0;
  // The text has ended.
  virtual absl::Status Finish() = 0;
};

class RecordSplitter final : public TextSplitter {
 public:
  // Errors of the sink come back from Add and Finish.
  explicit RecordSplitter(RecordSink sink) : sink_(std::move(sink)) {}

  // INVALID_ARGUMENT, INVALID_JSON with the line where an array is malformed between its records.
  absl::Status Add(std::string_view piece) override;
  // INVALID_JSON where an array has no end.
  absl::Status Finish() override;

 private:
  enum class State {
    kStart,         // before the first character
    kLine,          // in a line
    kBeforeRecord,  // in an array, before a record or its end
    kRecord,        // in a record of an array
    kAfterRecord,   // in an array, before a comma or its end
    kEnd,           // after an array
  };

  // The rest of the line, as far as it has come; how many bytes.
  size_t TakeLine(std::string_view rest);
  absl::Status Take(char c);
  absl::Status TakeInArray(char c);
  absl::Status TakeInRecord(char c);
  void BeginRecord(char c);
  void Append(char c);
  absl::Status Emit();
  absl::Status Malformed(const std::string& what) const;

  const RecordSink sink_;
  State state_ = State::kStart;
  std::string record_;
  bool too_large_ = false;
  int64_t line_ = 1;
  int64_t record_line_ = 1;
  int64_t array_line_ = 1;
  int mark_bytes_ = 0;       // of a byte order mark, so far
  int depth_ = 0;            // of brackets in an array's record
  bool in_string_ = false;   // in an array's record
  bool escaped_ = false;     // after a backslash in a string
  bool comma_seen_ = false;  // a record must follow
};

}  // namespace tarn::cli

// CSV rows (RFC 4180) as JSON objects. A row that is malformed is refused by itself, and reading
// goes on after its line.
//
// A value is written as a number or a boolean only when its column is of such a type and the text
// is exactly one; every other value is text, so that delivery says what does not fit. An empty
// field without quotes is null, one with quotes empty text.
//
// Immutable; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "tarn/ingestion/v1/stream.pb.h"

#include "services/ingestion/payload/payload_records.h"

namespace tarn::ingestion {

inline constexpr size_t kMaxCsvFields = 1000;
// The objects of one payload: every row repeats the header's names.
inline constexpr size_t kMaxCsvTextBytes = 16u << 20;

// Whether names can be a header: unique, not empty, UTF-8, not too many. The message says what is
// wrong.
absl::Status CheckCsvHeader(const std::vector<std::string>& names);

class CsvReader {
 public:
  // `header` has passed CheckCsvHeader, or is empty: then every payload's first line is the header.
  // `columns` are the stream's, which need not have a header's every name.
  CsvReader(std::vector<std::string> header, char delimiter,
            const google::protobuf::RepeatedPtrField<catalog::v1::Field>& columns);

  // INVALID_ARGUMENT: PAYLOAD_INVALID for a header that cannot be one, REQUEST_TOO_LARGE for too
  // many records or too much text. `payload` has no byte order mark.
  absl::StatusOr<PayloadRecords> Read(std::string_view payload, RecordChecks checks) const;

 private:
  enum class ValueKind { kText, kInteger, kNumber, kBoolean };
  // One field of the objects.
  struct Column {
    std::string opening;  // `{"name":` or `,"name":`
    ValueKind kind = ValueKind::kText;
  };
  struct Field {
    std::string_view text;  // with its quotes doubled still, when has_quotes
    bool quoted = false;
    bool has_quotes = false;
  };
  // What one row is, or why it is none.
  struct Row {
    std::vector<Field> fields;
    std::string error;
    bool empty() const { return error.empty() && fields.empty(); }
  };

  std::vector<Column> ColumnsOf(const std::vector<std::string>& header) const;
  // Takes one row, its line break with it, off `rest`.
  void TakeRow(std::string_view& rest, Row& row) const;
  // False, and a message, when a field's text is not UTF-8.
  static bool AppendValue(const Field& field, ValueKind kind, std::string& scratch,
                          std::string& out);

  const char delimiter_;
  std::vector<std::pair<std::string, ValueKind>> kinds_;  // by lower-case name
  std::vector<Column> columns_;                           // empty without a declared header
};

}  // namespace tarn::ingestion

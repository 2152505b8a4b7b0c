#include "services/ingestion/record/record_check.h"

#include <absl/strings/str_cat.h>

#include "services/ingestion/record/json_cursor.h"

namespace tarn::ingestion {

std::optional<RecordError> CheckRecord(std::string_view record) {
  if (record.size() > kMaxRecordBytes) {
    return RecordError{kRecordTooLarge, "",
                       absl::StrCat("the record has ", record.size(), " bytes; at most ",
                                    kMaxRecordBytes, " are taken")};
  }
  if (std::optional<RecordError> invalid = CheckJson(record)) return invalid;
  if (JsonCursor(record).Next().kind != JsonKind::kObjectStart) {
    return RecordError{kNotAnObject, "",
                       "the record is JSON but no object; send {\"name\": value, …}"};
  }
  return std::nullopt;
}

std::optional<RecordError> CheckJson(std::string_view record) {
  JsonCursor cursor(record);
  JsonToken token = cursor.Next();
  while (token.kind != JsonKind::kEnd && token.kind != JsonKind::kError) token = cursor.Next();
  if (token.kind == JsonKind::kEnd) return std::nullopt;
  return RecordError{kInvalidJson, "", absl::StrCat("the record is not JSON: ", cursor.error())};
}

}  // namespace tarn::ingestion

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
  JsonCursor cursor(record);
  JsonToken token = cursor.Next();
  const bool is_object = token.kind == JsonKind::kObjectStart;
  while (token.kind != JsonKind::kEnd && token.kind != JsonKind::kError) token = cursor.Next();
  if (token.kind == JsonKind::kError) {
    return RecordError{kInvalidJson, "", absl::StrCat("the record is not JSON: ", cursor.error())};
  }
  if (!is_object) {
    return RecordError{kNotAnObject, "",
                       "the record is JSON but no object; send {\"name\": value, …}"};
  }
  return std::nullopt;
}

}  // namespace tarn::ingestion

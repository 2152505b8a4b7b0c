#include "services/ingestion/payload/payload_records.h"

#include <optional>

#include <absl/strings/str_cat.h>

#include "common/status/error.h"
#include "services/ingestion/record/record_check.h"

namespace tarn::ingestion {
namespace {

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

std::optional<RecordError> CheckShape(std::string_view record) {
  if (record.size() > kMaxRecordBytes) return CheckRecord(record);  // says how large
  if (record.front() == '{' && record.back() == '}' && record.size() > 1) return std::nullopt;
  return RecordError{kNotAnObject, "",
                     "the record does not begin with { and end with }; send one JSON object"};
}

}  // namespace

bool RecordSorter::HasRoom() const { return into_.total() < kMaxRequestRecords; }

absl::Status RecordSorter::Overflow() {
  return InvalidArgument("REQUEST_TOO_LARGE",
                         absl::StrCat("more than ", kMaxRequestRecords,
                                      " records at once; at most that many are taken. Send several "
                                      "requests"));
}

bool RecordSorter::Add(size_t offset, size_t bytes) {
  const char* begin = into_.text.data() + offset;
  const char* end = begin + bytes;
  while (begin != end && IsSpace(*begin)) ++begin;
  while (begin != end && IsSpace(end[-1])) --end;
  if (begin == end) return true;
  if (!HasRoom()) return false;
  const std::string_view record(begin, static_cast<size_t>(end - begin));
  std::optional<RecordError> error =
      checks_ == RecordChecks::kWhole ? CheckRecord(record) : CheckShape(record);
  if (error) return Refuse(std::move(error->reason), std::move(error->message));
  into_.records.push_back(
      {static_cast<uint32_t>(begin - into_.text.data()), static_cast<uint32_t>(record.size())});
  return true;
}

bool RecordSorter::Refuse(std::string reason, std::string message) {
  if (!HasRoom()) return false;
  into_.refused.push_back({into_.total(), std::move(reason), std::move(message)});
  return true;
}

}  // namespace tarn::ingestion

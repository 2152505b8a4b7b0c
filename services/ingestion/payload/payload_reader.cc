#include "services/ingestion/payload/payload_reader.h"

#include <cstring>
#include <utility>

#include <absl/strings/str_cat.h>

#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/ingestion/payload/json_array.h"
#include "services/ingestion/payload/json_text.h"
#include "services/ingestion/record/record_check.h"

namespace tarn::ingestion {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

absl::Status TooLarge(size_t bytes) {
  return InvalidArgument(
      "REQUEST_TOO_LARGE",
      absl::StrCat("the records have ", bytes, " bytes together; at most ", kMaxRequestBytes,
                   " are taken at once. Send several requests"));
}

// Calls `line` with offset and length of each line, without its LF; false ends it.
template <typename Line>
bool ForEachLine(std::string_view text, size_t at, Line line) {
  while (at < text.size()) {
    const void* found = std::memchr(text.data() + at, '\n', text.size() - at);
    const size_t end = found == nullptr
                           ? text.size()
                           : static_cast<size_t>(static_cast<const char*>(found) - text.data());
    if (!line(at, end - at)) return false;
    at = end + 1;
  }
  return true;
}

absl::StatusOr<PayloadRecords> ReadJsonLines(std::string payload, size_t begin,
                                             RecordChecks checks) {
  PayloadRecords result;
  result.text = std::move(payload);
  RecordSorter sorter(checks, result);
  if (!ForEachLine(result.text, begin,
                   [&](size_t at, size_t bytes) { return sorter.Add(at, bytes); })) {
    return RecordSorter::Overflow();
  }
  return result;
}

absl::StatusOr<PayloadRecords> ReadJsonArray(std::string payload, size_t begin,
                                             RecordChecks checks) {
  PayloadRecords result;
  result.text = std::move(payload);
  RecordSorter sorter(checks, result);
  bool fits = true;
  TARN_RETURN_IF_ERROR(
      SplitJsonArray(std::string_view(result.text).substr(begin), [&](size_t at, size_t bytes) {
        fits = sorter.Add(begin + at, bytes);
        return fits;
      }));
  if (!fits) return RecordSorter::Overflow();
  return result;
}

absl::StatusOr<PayloadRecords> ReadText(std::string_view payload, RecordChecks checks) {
  PayloadRecords result;
  RecordSorter sorter(checks, result);
  const bool fits = ForEachLine(payload, 0, [&](size_t at, size_t bytes) {
    std::string_view line = payload.substr(at, bytes);
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    if (line.empty()) return true;
    if (!IsUtf8(line)) {
      return sorter.Refuse("INVALID_TEXT", absl::StrCat("the line at byte ", at, " is not UTF-8"));
    }
    const size_t begin = result.text.size();
    result.text += "{\"line\":";
    AppendJsonString(line, result.text);
    result.text += '}';
    return sorter.Add(begin, result.text.size() - begin);
  });
  if (!fits) return RecordSorter::Overflow();
  return result;
}

}  // namespace

absl::Status CheckPayloadFormat(std::string_view path, const v1::PayloadFormat& format) {
  const std::string at(path);
  std::vector<FieldViolation> violations;
  if (!v1::RecordFormat_IsValid(format.format())) {
    violations.push_back({at + ".format", "must be JSON_LINES, JSON_ARRAY, CSV or TEXT"});
  }
  const std::vector<std::string> header(format.csv_header().begin(), format.csv_header().end());
  if (const absl::Status fits = CheckCsvHeader(header); !fits.ok()) {
    violations.push_back({at + ".csv_header", std::string(fits.message())});
  }
  const std::string& delimiter = format.csv_delimiter();
  if (!delimiter.empty() &&
      (delimiter.size() != 1 || delimiter[0] == '"' || delimiter[0] == '\n' ||
       delimiter[0] == '\r' || static_cast<unsigned char>(delimiter[0]) >= 0x80)) {
    violations.push_back({at + ".csv_delimiter",
                          "must be one ASCII character, no quote or line "
                          "break"});
  }
  if (format.format() != v1::RECORD_FORMAT_CSV && (!header.empty() || !delimiter.empty())) {
    violations.push_back({at + ".format", "csv_header and csv_delimiter are for CSV alone"});
  }
  if (!violations.empty()) return InvalidFields(std::move(violations));
  return absl::OkStatus();
}

absl::StatusOr<PayloadReader> PayloadReader::Create(std::string_view path,
                                                    const v1::PayloadFormat& wanted,
                                                    const v1::Stream& stream) {
  TARN_RETURN_IF_ERROR(CheckPayloadFormat(path, wanted));
  v1::RecordFormat format = wanted.format();
  if (format == v1::RECORD_FORMAT_UNSPECIFIED) format = stream.format().format();
  if (format == v1::RECORD_FORMAT_UNSPECIFIED) format = v1::RECORD_FORMAT_JSON_LINES;
  PayloadReader reader(format);
  if (format != v1::RECORD_FORMAT_CSV) return reader;
  // A payload that says it is CSV, without a header, is as the stream's: its header, or a first
  // line.
  const bool own = !wanted.csv_header().empty() || !wanted.csv_delimiter().empty();
  const v1::PayloadFormat& details = own ? wanted : stream.format();
  reader.csv_.emplace(
      std::vector<std::string>(details.csv_header().begin(), details.csv_header().end()),
      details.csv_delimiter().empty() ? ',' : details.csv_delimiter()[0], stream.columns());
  return reader;
}

absl::StatusOr<PayloadRecords> PayloadReader::Read(std::string payload, RecordChecks checks) const {
  if (payload.size() > kMaxRequestBytes) return TooLarge(payload.size());
  const size_t begin = std::string_view(payload).substr(0, kByteOrderMark.size()) == kByteOrderMark
                           ? kByteOrderMark.size()
                           : 0;
  switch (format_) {
    case v1::RECORD_FORMAT_JSON_ARRAY:
      return ReadJsonArray(std::move(payload), begin, checks);
    case v1::RECORD_FORMAT_CSV:
      return csv_->Read(std::string_view(payload).substr(begin), checks);
    case v1::RECORD_FORMAT_TEXT:
      return ReadText(std::string_view(payload).substr(begin), checks);
    default:
      return ReadJsonLines(std::move(payload), begin, checks);
  }
}

absl::StatusOr<PayloadRecords> JoinRecords(
    const google::protobuf::RepeatedPtrField<std::string>& records, RecordChecks checks) {
  size_t bytes = 0;
  for (const std::string& record : records) bytes += record.size();
  if (bytes > kMaxRequestBytes) return TooLarge(bytes);
  PayloadRecords result;
  result.text.reserve(bytes);
  result.records.reserve(static_cast<size_t>(records.size()));
  RecordSorter sorter(checks, result);
  for (const std::string& record : records) {
    const size_t begin = result.text.size();
    result.text += record;
    const int before = result.total();
    if (!sorter.Add(begin, record.size())) return RecordSorter::Overflow();
    // Of a list every entry counts, the empty ones too.
    if (result.total() == before &&
        !sorter.Refuse(kInvalidJson, "the record is empty; send {\"name\": value, …}")) {
      return RecordSorter::Overflow();
    }
  }
  return result;
}

}  // namespace tarn::ingestion

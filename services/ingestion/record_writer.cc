#include "services/ingestion/record_writer.h"

#include <optional>
#include <vector>

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>

#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/ingestion/record/record_check.h"
#include "services/ingestion/upload/sha256.h"

namespace tarn::ingestion {
namespace {

constexpr size_t kMaxRequestIdBytes = 256;

// Tells another request under the same id. 64 bits of SHA-256: not a matter of chance.
uint64_t HashOf(const v1::PutRecordsRequest& request) {
  Sha256 digest;
  for (const std::string& record : request.records()) {
    digest.Update(absl::StrCat(record.size(), ":"));
    digest.Update(record);
  }
  uint64_t hash = 0;
  (void)absl::SimpleHexAtoi(digest.Hex().substr(0, 16), &hash);
  return hash;
}

absl::Status CheckShape(const v1::PutRecordsRequest& request) {
  if (request.records().empty()) return InvalidFields({{"records", "at least one record"}});
  if (request.records_size() > kMaxRequestRecords) {
    return InvalidFields(
        {{"records", absl::StrCat("at most ", kMaxRequestRecords, " records; this request has ",
                                  request.records_size(), ". Send several")}});
  }
  if (request.request_id().size() > kMaxRequestIdBytes) {
    return InvalidFields({{"request_id", "at most 256 bytes"}});
  }
  size_t bytes = 0;
  for (const std::string& record : request.records()) bytes += record.size();
  if (bytes > kMaxRequestBytes) {
    return InvalidArgument("REQUEST_TOO_LARGE",
                           absl::StrCat("the records have ", bytes, " bytes together; at most ",
                                        kMaxRequestBytes, " are taken at once. Send several"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<v1::PutRecordsResponse> RecordWriter::Put(const Stream& stream,
                                                         const v1::PutRecordsRequest& request) {
  TARN_RETURN_IF_ERROR(CheckShape(request));
  // What is refused is refused again in a retry: results need not be stored with the request id.
  v1::PutRecordsResponse response;
  std::vector<std::string_view> good;
  good.reserve(static_cast<size_t>(request.records_size()));
  for (const std::string& record : request.records()) {
    v1::RecordResult* result = response.add_results();
    const std::optional<RecordError> error = CheckRecord(record);
    if (!error) {
      good.push_back(record);
      continue;
    }
    result->set_error_reason(error->reason);
    result->set_error_message(error->message);
    response.set_failed_count(response.failed_count() + 1);
  }
  metrics_.records_refused.Increment(response.failed_count());
  if (good.empty()) return response;
  BatchKey key{.workspace = stream.workspace,
               .stream_uid = stream.uid,
               .request_id = request.request_id(),
               .request_hash = 0};
  if (!request.request_id().empty()) key.request_hash = HashOf(request);
  TARN_ASSIGN_OR_RETURN(const AppendOutcome outcome, wal_.AppendAndWait(std::move(key), good));
  int64_t position = static_cast<int64_t>(outcome.first_position);
  for (v1::RecordResult& result : *response.mutable_results()) {
    if (result.error_reason().empty()) result.set_position(position++);
  }
  response.set_replayed(outcome.replayed);
  if (outcome.replayed) metrics_.requests_replayed.Increment();
  return response;
}

}  // namespace tarn::ingestion

#include "services/dashboard/http/records_forwarder.h"

#include <utility>

#include "tarn/ingestion/v1/ingestion_service.pb.h"

#include "common/http/content_decoder.h"
#include "common/http/record_post.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/dashboard/http/connect_handler.h"

namespace tarn::dashboard {
namespace {

constexpr char kPutRecords[] = "/tarn.ingestion.v1.IngestionService/PutRecords";
// What PutRecords takes.
constexpr size_t kMaxRecordsBytes = 4u << 20;

absl::StatusOr<std::string> MessageOf(const std::string& stream, HttpRequest& request) {
  ingestion::v1::PutRecordsRequest message;
  message.set_stream(stream);
  message.set_request_id(std::string(request.Header("idempotency-key")));
  TARN_ASSIGN_OR_RETURN(const bool backfill, BackfillOf(request.query));
  message.set_backfill(backfill);
  TARN_ASSIGN_OR_RETURN(const std::string name, RecordFormatOf(request.Header("content-type")));
  ingestion::v1::RecordFormat format = ingestion::v1::RECORD_FORMAT_UNSPECIFIED;
  if (!ingestion::v1::RecordFormat_Parse(name, &format)) {
    return Internal("RECORD_FORMAT_UNKNOWN", "there is no record format " + name);
  }
  message.mutable_format()->set_format(format);
  TARN_ASSIGN_OR_RETURN(
      *message.mutable_payload(),
      DecodeContent(request.Header("content-encoding"), std::move(request.body), kMaxRecordsBytes));
  if (message.payload().size() > kMaxRecordsBytes) {
    return InvalidArgument("REQUEST_TOO_LARGE",
                           "a request has at most 4 MiB of records; send several, or use Ingest");
  }
  return message.SerializeAsString();
}

}  // namespace

void RecordsForwarder::Handle(const std::string& stream, HttpRequest request,
                              std::shared_ptr<HttpResponder> responder) {
  const std::string key = BearerOf(request);
  if (!auth::KeyExchanger::IsKey(key)) {
    return Forward(stream, std::move(request), std::move(responder));
  }
  // A callback must be copyable.
  auto kept = std::make_shared<HttpRequest>(std::move(request));
  keys_.Exchange(key, [this, stream, kept, responder](const absl::StatusOr<std::string>& token) {
    if (!token.ok()) return responder->Respond(RecordsErrorResponse(token.status()));
    kept->headers["authorization"] = "Bearer " + *token;
    Forward(stream, std::move(*kept), responder);
  });
}

void RecordsForwarder::Forward(const std::string& stream, HttpRequest request,
                               std::shared_ptr<HttpResponder> responder) {
  absl::StatusOr<std::string> message = MessageOf(stream, request);
  if (!message.ok()) return responder->Respond(RecordsErrorResponse(message.status()));
  connect_.Forward(std::move(request), std::move(responder), kPutRecords, *std::move(message),
                   RecordsErrorResponse);
}

}  // namespace tarn::dashboard

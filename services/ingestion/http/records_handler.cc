#include "services/ingestion/http/records_handler.h"

#include <optional>
#include <utility>

#include "common/http/content_decoder.h"
#include "common/http/record_post.h"
#include "common/postgres/storage_opener.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/ingestion/http/put_response.h"
#include "services/ingestion/ingest/stream_finder.h"
#include "services/ingestion/payload/payload_reader.h"
#include "services/ingestion/record/record_check.h"
#include "services/ingestion/record_writer.h"

namespace tarn::ingestion {
namespace {

absl::StatusOr<v1::RecordFormat> FormatOf(std::string_view content_type) {
  TARN_ASSIGN_OR_RETURN(const std::string name, RecordFormatOf(content_type));
  v1::RecordFormat format = v1::RECORD_FORMAT_UNSPECIFIED;
  if (!v1::RecordFormat_Parse(name, &format)) {
    return Internal("RECORD_FORMAT_UNKNOWN", "there is no record format " + name);
  }
  return format;
}

HttpResponse Text(int status, std::string text) {
  return {status,
          {{"content-type", "text/plain; charset=utf-8"}, {"cache-control", "no-store"}},
          std::move(text) + "\n"};
}

}  // namespace

// One request, from its credential to its answer; kept by whatever it waits for.
class RecordsHandler::Put : public std::enable_shared_from_this<Put> {
 public:
  Put(RecordsHandler& owner, std::string stream, HttpRequest request,
      std::shared_ptr<HttpResponder> responder)
      : owner_(owner),
        stream_(std::move(stream)),
        request_(std::move(request)),
        responder_(std::move(responder)) {}

  void Start() {
    std::string credential = BearerOf(request_);
    if (!auth::KeyExchanger::IsKey(credential)) return Admit(credential);
    owner_.keys_.Exchange(credential,
                          [self = shared_from_this()](const absl::StatusOr<std::string>& token) {
                            if (!token.ok())
                              return self->Answer(RecordsErrorResponse(token.status()));
                            self->Admit(*token);
                          });
  }

 private:
  void Admit(const std::string& token) {
    auto scope = owner_.handler_.BeginPlainCall(token, std::string(request_.Header("x-request-id")),
                                                {"PutRecordsOverHttp", rpc::Access::kWrite});
    if (!scope.ok()) return Answer(RecordsErrorResponse(scope.status()));
    scope_ = *std::move(scope);
    if (absl::Status open = owner_.storage_.Check(); !open.ok()) return Fail(open);
    owner_.finder_.Find(scope_->context().caller.workspace, stream_,
                        [self = shared_from_this()](const absl::StatusOr<StreamPtr>& stream) {
                          if (!stream.ok()) return self->Fail(stream.status());
                          self->Store(**stream);
                        });
  }

  absl::StatusOr<PayloadRecords> Read(const Stream& stream) {
    v1::PayloadFormat wanted;
    TARN_ASSIGN_OR_RETURN(const v1::RecordFormat format, FormatOf(request_.Header("content-type")));
    wanted.set_format(format);
    TARN_ASSIGN_OR_RETURN(const PayloadReader reader,
                          PayloadReader::Create("content_type", wanted, stream.definition));
    TARN_ASSIGN_OR_RETURN(std::string text,
                          DecodeContent(request_.Header("content-encoding"),
                                        std::move(request_.body), kMaxRequestBytes));
    return reader.Read(std::move(text), RecordChecks::kWhole);
  }

  void Store(const Stream& stream) {
    const absl::StatusOr<bool> backfill = BackfillOf(request_.query);
    if (!backfill.ok()) return Fail(backfill.status());
    absl::StatusOr<PayloadRecords> records = Read(stream);
    if (!records.ok()) return Fail(records.status());
    owner_.writer_.Put(
        stream, *backfill, *std::move(records), std::string(request_.Header("idempotency-key")),
        [self = shared_from_this()](const absl::StatusOr<PutOutcome>& outcome) {
          if (!outcome.ok()) return self->Fail(outcome.status());
          self->End({200, {{"content-type", "application/json"}}, PutResponseJson(*outcome)},
                    absl::OkStatus());
        });
  }

  void Fail(const absl::Status& status) { End(RecordsErrorResponse(status), status); }

  // The responder goes before the scope: when no call is under way, the server may stop.
  void End(HttpResponse response, const absl::Status& status) {
    response.headers.emplace_back("x-request-id", scope_->context().request_id);
    Answer(std::move(response));
    (void)scope_->Finish(status);
    scope_.reset();
  }

  void Answer(HttpResponse response) {
    responder_->Respond(std::move(response));
    responder_.reset();
  }

  RecordsHandler& owner_;
  const std::string stream_;
  HttpRequest request_;
  std::shared_ptr<HttpResponder> responder_;
  std::unique_ptr<rpc::CallScope> scope_;
};

void RecordsHandler::Handle(HttpRequest request, std::shared_ptr<HttpResponder> responder) {
  if (std::optional<std::string> stream = StreamOfRecordsPath(request.path)) {
    if (request.method != "POST") {
      return responder->Respond(RecordsErrorResponse(MakeError(
          absl::StatusCode::kUnimplemented, "METHOD_NOT_ALLOWED", "records are put by POST")));
    }
    return std::make_shared<Put>(*this, *std::move(stream), std::move(request),
                                 std::move(responder))
        ->Start();
  }
  const bool get = request.method == "GET" || request.method == "HEAD";
  if (get && request.path == "/healthz") return responder->Respond(Text(200, "ok"));
  if (get && request.path == "/readyz") {
    const absl::Status ready = ready_();
    return responder->Respond(ready.ok() ? Text(200, "ready")
                                         : Text(503, std::string(ready.message())));
  }
  responder->Respond(RecordsErrorResponse(
      NotFound("PATH_UNKNOWN",
               "there is nothing at this path; records are put to /v1/streams/{stream}/records")));
}

}  // namespace tarn::ingestion

#include "services/ingestion/http/records_handler.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

#include "common/http/content_decoder.h"
#include "common/http/http_error.h"
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

constexpr std::string_view kPrefix = "/v1/streams/";
constexpr std::string_view kSuffix = "/records";

// "streams/{stream}" of /v1/streams/{stream}/records.
std::optional<std::string> StreamOf(std::string_view path) {
  if (path.size() <= kPrefix.size() + kSuffix.size() || path.substr(0, kPrefix.size()) != kPrefix ||
      path.substr(path.size() - kSuffix.size()) != kSuffix) {
    return std::nullopt;
  }
  path.remove_prefix(kPrefix.size());
  path.remove_suffix(kSuffix.size());
  if (path.find('/') != std::string_view::npos) return std::nullopt;
  return absl::StrCat("streams/", std::string(path));
}

absl::StatusOr<v1::RecordFormat> FormatOf(std::string_view content_type) {
  std::string type(content_type.substr(0, content_type.find(';')));
  absl::StripAsciiWhitespace(&type);
  absl::AsciiStrToLower(&type);
  if (type.empty()) return v1::RECORD_FORMAT_UNSPECIFIED;  // the stream's
  if (type == "application/x-ndjson" || type == "application/jsonl" ||
      type == "application/x-jsonlines") {
    return v1::RECORD_FORMAT_JSON_LINES;
  }
  if (type == "application/json") return v1::RECORD_FORMAT_JSON_ARRAY;
  if (type == "text/csv") return v1::RECORD_FORMAT_CSV;
  if (type == "text/plain") return v1::RECORD_FORMAT_TEXT;
  return InvalidArgument("CONTENT_TYPE_UNKNOWN",
                         "records are taken as application/x-ndjson, application/json, text/csv or "
                         "text/plain; say so in Content-Type");
}

// Whether the query says backfill=true; other parameters mean nothing here.
absl::StatusOr<bool> BackfillOf(std::string_view query) {
  constexpr std::string_view kName = "backfill=";
  while (!query.empty()) {
    const std::string_view parameter = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), parameter.size() + 1));
    if (!parameter.starts_with(kName)) continue;
    const std::string_view value = parameter.substr(kName.size());
    if (value == "true" || value == "false") return value == "true";
    return InvalidFields({{"backfill", "must be true or false"}});
  }
  return false;
}

// What follows "Bearer " (in any case), or "".
std::string BearerOf(const HttpRequest& request) {
  constexpr std::string_view kScheme = "bearer ";
  const std::string_view value = request.Header("authorization");
  if (value.size() <= kScheme.size() ||
      absl::AsciiStrToLower(std::string(value.substr(0, kScheme.size()))) != kScheme) {
    return "";
  }
  return std::string(value.substr(kScheme.size()));
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
    if (!KeyExchanger::IsKey(credential)) return Admit(credential);
    owner_.keys_.Exchange(credential,
                          [self = shared_from_this()](const absl::StatusOr<std::string>& token) {
                            if (!token.ok()) return self->Answer(PutErrorResponse(token.status()));
                            self->Admit(*token);
                          });
  }

 private:
  void Admit(const std::string& token) {
    auto scope = owner_.handler_.BeginPlainCall(token, std::string(request_.Header("x-request-id")),
                                                {"PutRecordsOverHttp", rpc::Access::kWrite});
    if (!scope.ok()) return Answer(PutErrorResponse(scope.status()));
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

  void Fail(const absl::Status& status) { End(PutErrorResponse(status), status); }

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
  if (std::optional<std::string> stream = StreamOf(request.path)) {
    if (request.method != "POST") {
      return responder->Respond(PutErrorResponse(MakeError(
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
  responder->Respond(PutErrorResponse(
      NotFound("PATH_UNKNOWN",
               "there is nothing at this path; records are put to /v1/streams/{stream}/records")));
}

}  // namespace tarn::ingestion

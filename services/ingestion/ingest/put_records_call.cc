#include "services/ingestion/ingest/put_records_call.h"

#include <memory>
#include <utility>

#include "common/postgres/storage_opener.h"
#include "common/rpc/call_handler.h"
#include "common/rpc/status_conversion.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/ingestion/ingest/stream_finder.h"
#include "services/ingestion/ingestion_service.h"
#include "services/ingestion/payload/payload_reader.h"
#include "services/ingestion/record_writer.h"

namespace tarn::ingestion {
namespace {

absl::StatusOr<PayloadRecords> ReadRecords(const v1::PutRecordsRequest& request,
                                           const Stream& stream) {
  if (request.payload().empty()) return JoinRecords(request.records(), RecordChecks::kWhole);
  if (!request.records().empty()) {
    return InvalidFields({{"payload", "give either records or a payload"}});
  }
  TARN_ASSIGN_OR_RETURN(const PayloadReader reader,
                        PayloadReader::Create("format", request.format(), stream.definition));
  return reader.Read(request.payload(), RecordChecks::kWhole);
}

class PutRecordsCall final : public grpc::ServerUnaryReactor {
 public:
  PutRecordsCall(const IngestionCore* core, const v1::PutRecordsRequest& request,
                 v1::PutRecordsResponse& response)
      : core_(core), request_(request), response_(response) {}

  void Start(const rpc::CallHandler& handler, grpc::CallbackServerContext* context) {
    auto scope = handler.BeginCall(context, {"PutRecords", rpc::Access::kWrite});
    if (!scope.ok()) return Finish(rpc::ToGrpcStatus(scope.status()));
    scope_ = *std::move(scope);
    if (absl::Status open = core_->storage.Check(); !open.ok()) return End(open);
    core_->finder.Find(scope_->context().caller.workspace, request_.stream(),
                       [this](const absl::StatusOr<StreamPtr>& stream) {
                         if (!stream.ok()) return End(stream.status());
                         Store(**stream);
                       });
  }

  void OnDone() override { delete this; }

 private:
  void Store(const Stream& stream) {
    absl::StatusOr<PayloadRecords> records = ReadRecords(request_, stream);
    if (!records.ok()) return End(records.status());
    core_->writer.Put(stream, request_.backfill(), *std::move(records), request_.request_id(),
                      [this](const absl::StatusOr<PutOutcome>& outcome) {
                        if (outcome.ok()) response_ = ToResponse(*outcome);
                        End(outcome.status());
                      });
  }

  void End(const absl::Status& status) {
    const grpc::Status wire = scope_->Finish(status);
    scope_.reset();
    Finish(wire);
  }

  const IngestionCore* const core_;  // not before the call is admitted
  const v1::PutRecordsRequest& request_;
  v1::PutRecordsResponse& response_;
  std::unique_ptr<rpc::CallScope> scope_;
};

}  // namespace

grpc::ServerUnaryReactor* StartPutRecords(const IngestionCore* core,
                                          const rpc::CallHandler& handler,
                                          grpc::CallbackServerContext* context,
                                          const v1::PutRecordsRequest* request,
                                          v1::PutRecordsResponse* response) {
  auto* call = new PutRecordsCall(core, *request, *response);
  call->Start(handler, context);
  return call;
}

}  // namespace tarn::ingestion

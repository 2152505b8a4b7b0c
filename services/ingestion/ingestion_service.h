// Ingestion's RPCs: decode, call, encode. Thread safe.
#pragma once

#include <cstdint>
#include <memory>

#include <absl/status/statusor.h>

#include "tarn/ingestion/v1/ingestion_service.grpc.pb.h"

#include "common/rpc/call_handler.h"

namespace tarn {
class Clock;
class StorageOpener;
}  // namespace tarn

namespace tarn::ingestion {

class FileUploads;
class IngestCalls;
class RecordWriter;
class StreamFinder;
class StreamManager;
class StreamRegistry;

// What the calls need. All of it exists once the module has started, and outlives the calls.
struct IngestionCore {
  StreamManager& streams;
  StreamRegistry& registry;
  RecordWriter& writer;
  FileUploads& uploads;
  StreamFinder& finder;
  IngestCalls& ingest_calls;
  Clock& clock;
  // Of one Ingest call: bytes that are read before they are acknowledged.
  int64_t max_in_flight_bytes;
  // Every call fails with its Check until PostgreSQL was there and the schema is up to date.
  const StorageOpener& storage;
};

// PutRecords and Ingest, through which the records come, take the callback API: no thread waits for
// the disk.
using IngestionServiceBase = v1::IngestionService::WithCallbackMethod_PutRecords<
    v1::IngestionService::WithCallbackMethod_Ingest<v1::IngestionService::Service>>;

class IngestionService : public IngestionServiceBase {
 public:
  explicit IngestionService(rpc::CallHandlerOptions options) : handler_(std::move(options)) {}

  // Before the first call.
  void SetCore(const IngestionCore& core) { core_ = std::make_unique<IngestionCore>(core); }

  grpc::Status CreateStream(grpc::ServerContext*, const v1::CreateStreamRequest*,
                            v1::Stream*) override;
  grpc::Status GetStream(grpc::ServerContext*, const v1::GetStreamRequest*, v1::Stream*) override;
  grpc::Status ListStreams(grpc::ServerContext*, const v1::ListStreamsRequest*,
                           v1::ListStreamsResponse*) override;
  grpc::Status UpdateStream(grpc::ServerContext*, const v1::UpdateStreamRequest*,
                            v1::Stream*) override;
  grpc::Status DeleteStream(grpc::ServerContext*, const v1::DeleteStreamRequest*,
                            v1::DeleteStreamResponse*) override;
  // The blocking forms, which nobody calls.
  using IngestionServiceBase::Ingest;
  using IngestionServiceBase::PutRecords;
  grpc::ServerUnaryReactor* PutRecords(grpc::CallbackServerContext*, const v1::PutRecordsRequest*,
                                       v1::PutRecordsResponse*) override;
  grpc::ServerBidiReactor<v1::IngestRequest, v1::IngestResponse>* Ingest(
      grpc::CallbackServerContext*) override;
  grpc::Status FlushStream(grpc::ServerContext*, const v1::FlushStreamRequest*,
                           v1::FlushStreamResponse*) override;
  grpc::Status ListDeadLetters(grpc::ServerContext*, const v1::ListDeadLettersRequest*,
                               v1::ListDeadLettersResponse*) override;
  grpc::Status ReplayDeadLetters(grpc::ServerContext*, const v1::ReplayDeadLettersRequest*,
                                 v1::ReplayDeadLettersResponse*) override;
  grpc::Status PurgeDeadLetters(grpc::ServerContext*, const v1::PurgeDeadLettersRequest*,
                                v1::PurgeDeadLettersResponse*) override;
  grpc::Status UploadFile(grpc::ServerContext*, grpc::ServerReader<v1::UploadFileRequest>*,
                          v1::UploadFileResponse*) override;
  grpc::Status GetUpload(grpc::ServerContext*, const v1::GetUploadRequest*, v1::Upload*) override;

 private:
  // Runs `body` for an admitted call once the module is set up.
  grpc::Status Handle(grpc::ServerContext* context, rpc::MethodInfo method,
                      absl::FunctionRef<absl::Status(const rpc::CallContext&)> body) const;

  rpc::CallHandler handler_;
  std::unique_ptr<IngestionCore> core_;
};

}  // namespace tarn::ingestion

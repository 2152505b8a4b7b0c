// Ingestion's RPCs: decode, call, encode. Thread safe.
#pragma once

#include <memory>

#include <absl/status/statusor.h>

#include "tarn/ingestion/v1/ingestion_service.grpc.pb.h"

#include "common/rpc/call_handler.h"

namespace tarn {
class StorageOpener;
}

namespace tarn::ingestion {

class FileUploads;
class RecordWriter;
class StreamManager;
class StreamRegistry;

// What the calls need. All of it exists once the module has started, and outlives the calls.
struct IngestionCore {
  StreamManager& streams;
  StreamRegistry& registry;
  RecordWriter& writer;
  FileUploads& uploads;
  // Every call fails with its Check until PostgreSQL was there and the schema is up to date.
  const StorageOpener& storage;
};

class IngestionService : public v1::IngestionService::Service {
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
  grpc::Status PutRecords(grpc::ServerContext*, const v1::PutRecordsRequest*,
                          v1::PutRecordsResponse*) override;
  grpc::Status FlushStream(grpc::ServerContext*, const v1::FlushStreamRequest*,
                           v1::FlushStreamResponse*) override;
  grpc::Status ListDeadLetters(grpc::ServerContext*, const v1::ListDeadLettersRequest*,
                               v1::ListDeadLettersResponse*) override;
  grpc::Status UploadFile(grpc::ServerContext*, grpc::ServerReader<v1::UploadFileRequest>*,
                          v1::UploadFileResponse*) override;

 private:
  // Runs `body` for an admitted call once the module is set up.
  grpc::Status Handle(grpc::ServerContext* context, rpc::MethodInfo method,
                      absl::FunctionRef<absl::Status(const rpc::CallContext&)> body) const;

  rpc::CallHandler handler_;
  std::unique_ptr<IngestionCore> core_;
};

}  // namespace tarn::ingestion

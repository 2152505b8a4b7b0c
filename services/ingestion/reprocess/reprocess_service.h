// The RPCs of reprocesses: decode, call, encode. Thread safe.
#pragma once

#include "tarn/ingestion/v1/reprocess_service.grpc.pb.h"

#include "common/rpc/call_handler.h"

namespace tarn {
class StorageOpener;
}

namespace tarn::ingestion {

class ReprocessManager;

class ReprocessService : public v1::ReprocessService::Service {
 public:
  // Both outlive the service. Every call fails with the storage's Check until that is OK.
  ReprocessService(rpc::CallHandlerOptions options, ReprocessManager& reprocesses,
                   const StorageOpener& storage)
      : handler_(std::move(options)), reprocesses_(reprocesses), storage_(storage) {}

  grpc::Status StartReprocess(grpc::ServerContext*, const v1::StartReprocessRequest*,
                              v1::Reprocess*) override;
  grpc::Status GetReprocess(grpc::ServerContext*, const v1::GetReprocessRequest*,
                            v1::Reprocess*) override;
  grpc::Status ListReprocesses(grpc::ServerContext*, const v1::ListReprocessesRequest*,
                               v1::ListReprocessesResponse*) override;
  grpc::Status CancelReprocess(grpc::ServerContext*, const v1::CancelReprocessRequest*,
                               v1::Reprocess*) override;

 private:
  grpc::Status Handle(grpc::ServerContext* context, rpc::MethodInfo method,
                      absl::FunctionRef<absl::Status(const rpc::CallContext&)> body) const;

  rpc::CallHandler handler_;
  ReprocessManager& reprocesses_;
  const StorageOpener& storage_;
};

}  // namespace tarn::ingestion

// TransformService over gRPC: decodes, calls the managers, encodes. Thread safe; what it refers to
// outlives it.
#pragma once

#include <atomic>

#include "tarn/transform/v1/transform_service.grpc.pb.h"

#include "common/rpc/call_handler.h"
#include "services/transform/waiting_calls.h"

namespace tarn {
class StorageOpener;
}

namespace tarn::transform {

class PipelineManager;
class RunManager;

class TransformServiceImpl final : public v1::TransformService::Service {
 public:
  // `max_waiting`: calls that wait for a run at the same time.
  TransformServiceImpl(PipelineManager& pipelines, RunManager& runs, const StorageOpener& storage,
                       int max_waiting, rpc::CallHandlerOptions handler)
      : pipelines_(pipelines),
        runs_(runs),
        storage_(storage),
        waiting_(max_waiting),
        handler_(std::move(handler)) {}

  // Ends the calls that wait: the process stops.
  void Drain() { draining_ = true; }

  grpc::Status CreatePipeline(grpc::ServerContext* context,
                              const v1::CreatePipelineRequest* request,
                              v1::Pipeline* response) override;
  grpc::Status GetPipeline(grpc::ServerContext* context, const v1::GetPipelineRequest* request,
                           v1::Pipeline* response) override;
  grpc::Status ListPipelines(grpc::ServerContext* context, const v1::ListPipelinesRequest* request,
                             v1::ListPipelinesResponse* response) override;
  grpc::Status UpdatePipeline(grpc::ServerContext* context,
                              const v1::UpdatePipelineRequest* request,
                              v1::Pipeline* response) override;
  grpc::Status DeletePipeline(grpc::ServerContext* context,
                              const v1::DeletePipelineRequest* request,
                              v1::DeletePipelineResponse* response) override;
  grpc::Status StartRun(grpc::ServerContext* context, const v1::StartRunRequest* request,
                        v1::Run* response) override;
  grpc::Status GetRun(grpc::ServerContext* context, const v1::GetRunRequest* request,
                      v1::Run* response) override;
  grpc::Status ListRuns(grpc::ServerContext* context, const v1::ListRunsRequest* request,
                        v1::ListRunsResponse* response) override;
  grpc::Status StopRun(grpc::ServerContext* context, const v1::StopRunRequest* request,
                       v1::Run* response) override;
  grpc::Status WatchRun(grpc::ServerContext* context, const v1::WatchRunRequest* request,
                        grpc::ServerWriter<v1::WatchRunResponse>* writer) override;

 private:
  // For methods that need the tables, which is all of them.
  grpc::Status Handle(grpc::ServerContext* context, rpc::MethodInfo method,
                      absl::FunctionRef<absl::Status(const rpc::CallContext&)> body) const;

  PipelineManager& pipelines_;
  RunManager& runs_;
  const StorageOpener& storage_;
  WaitingCalls waiting_;
  const rpc::CallHandler handler_;
  std::atomic<bool> draining_ = false;
};

}  // namespace tarn::transform

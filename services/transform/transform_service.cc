#include "services/transform/transform_service.h"

#include <algorithm>

#include "common/postgres/storage_opener.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/transform/pipeline_manager.h"
#include "services/transform/proto_time.h"
#include "services/transform/run_manager.h"

namespace tarn::transform {
namespace {

constexpr absl::Duration kMaxWait = absl::Seconds(30);

absl::Status Draining() {
  return Unavailable("MODULE_NOT_SERVING", "transform stops; ask again in a moment");
}

}  // namespace

grpc::Status TransformServiceImpl::Handle(
    grpc::ServerContext* context, rpc::MethodInfo method,
    absl::FunctionRef<absl::Status(const rpc::CallContext&)> body) const {
  return handler_.Handle(context, method, [&](const rpc::CallContext& call) -> absl::Status {
    TARN_RETURN_IF_ERROR(storage_.Check());
    return body(call);
  });
}

grpc::Status TransformServiceImpl::CreatePipeline(grpc::ServerContext* context,
                                                  const v1::CreatePipelineRequest* request,
                                                  v1::Pipeline* response) {
  return Handle(context, {"CreatePipeline", rpc::Access::kWrite},
                [&](const rpc::CallContext& call) -> absl::Status {
                  TARN_ASSIGN_OR_RETURN(*response, pipelines_.Create(call.caller, *request));
                  return absl::OkStatus();
                });
}

grpc::Status TransformServiceImpl::GetPipeline(grpc::ServerContext* context,
                                               const v1::GetPipelineRequest* request,
                                               v1::Pipeline* response) {
  return Handle(context, {"GetPipeline", rpc::Access::kRead},
                [&](const rpc::CallContext& call) -> absl::Status {
                  TARN_ASSIGN_OR_RETURN(*response,
                                        pipelines_.Get(call.caller.workspace, request->name()));
                  return absl::OkStatus();
                });
}

grpc::Status TransformServiceImpl::ListPipelines(grpc::ServerContext* context,
                                                 const v1::ListPipelinesRequest* request,
                                                 v1::ListPipelinesResponse* response) {
  return Handle(context, {"ListPipelines", rpc::Access::kRead},
                [&](const rpc::CallContext& call) -> absl::Status {
                  TARN_ASSIGN_OR_RETURN(*response,
                                        pipelines_.List(call.caller.workspace, *request));
                  return absl::OkStatus();
                });
}

grpc::Status TransformServiceImpl::UpdatePipeline(grpc::ServerContext* context,
                                                  const v1::UpdatePipelineRequest* request,
                                                  v1::Pipeline* response) {
  return Handle(context, {"UpdatePipeline", rpc::Access::kWrite},
                [&](const rpc::CallContext& call) -> absl::Status {
                  TARN_ASSIGN_OR_RETURN(*response, pipelines_.Update(call.caller, *request));
                  return absl::OkStatus();
                });
}

grpc::Status TransformServiceImpl::DeletePipeline(grpc::ServerContext* context,
                                                  const v1::DeletePipelineRequest* request,
                                                  v1::DeletePipelineResponse* response) {
  return Handle(context, {"DeletePipeline", rpc::Access::kWrite},
                [&](const rpc::CallContext& call) -> absl::Status {
                  TARN_ASSIGN_OR_RETURN(*response, pipelines_.Delete(call.caller, *request));
                  return absl::OkStatus();
                });
}

grpc::Status TransformServiceImpl::StartRun(grpc::ServerContext* context,
                                            const v1::StartRunRequest* request, v1::Run* response) {
  return Handle(context, {"StartRun", rpc::Access::kWrite},
                [&](const rpc::CallContext& call) -> absl::Status {
                  TARN_ASSIGN_OR_RETURN(*response, runs_.Start(call.caller, *request));
                  return absl::OkStatus();
                });
}

grpc::Status TransformServiceImpl::GetRun(grpc::ServerContext* context,
                                          const v1::GetRunRequest* request, v1::Run* response) {
  return Handle(
      context, {"GetRun", rpc::Access::kRead}, [&](const rpc::CallContext& call) -> absl::Status {
        // Where too many wait, the answer is how the run stands now.
        const WaitingCalls::Place place(waiting_);
        const absl::Duration wait = !place.taken() ? absl::ZeroDuration()
                                                   : std::clamp(ToDuration(request->wait()),
                                                                absl::ZeroDuration(), kMaxWait);
        const absl::Time end = absl::Now() + wait;
        auto over = [&] { return draining_ || call.IsCancelled() || absl::Now() >= end; };
        bool enough = false;
        absl::Status status = runs_.Watch(
            call.caller.workspace, request->name(),
            [&](const v1::Run& run) {
              *response = run;
              return !over();
            },
            [&]() -> absl::Status {
              enough = over();
              return enough ? absl::CancelledError("the wait is over") : absl::OkStatus();
            });
        return enough ? absl::OkStatus() : status;
      });
}

grpc::Status TransformServiceImpl::ListRuns(grpc::ServerContext* context,
                                            const v1::ListRunsRequest* request,
                                            v1::ListRunsResponse* response) {
  return Handle(context, {"ListRuns", rpc::Access::kRead},
                [&](const rpc::CallContext& call) -> absl::Status {
                  TARN_ASSIGN_OR_RETURN(*response, runs_.List(call.caller.workspace, *request));
                  return absl::OkStatus();
                });
}

grpc::Status TransformServiceImpl::StopRun(grpc::ServerContext* context,
                                           const v1::StopRunRequest* request, v1::Run* response) {
  return Handle(
      context, {"StopRun", rpc::Access::kWrite}, [&](const rpc::CallContext& call) -> absl::Status {
        TARN_ASSIGN_OR_RETURN(*response, runs_.Stop(call.caller.workspace, request->name()));
        return absl::OkStatus();
      });
}

grpc::Status TransformServiceImpl::WatchRun(grpc::ServerContext* context,
                                            const v1::WatchRunRequest* request,
                                            grpc::ServerWriter<v1::WatchRunResponse>* writer) {
  return Handle(context, {"WatchRun", rpc::Access::kRead},
                [&](const rpc::CallContext& call) -> absl::Status {
                  const WaitingCalls::Place place(waiting_);
                  if (!place.taken()) {
                    return ResourceExhausted("TOO_MANY_WATCHES",
                                             "too many calls wait for runs already; ask with "
                                             "GetRun, or watch again in a moment");
                  }
                  bool gone = false;
                  absl::Status status = runs_.Watch(
                      call.caller.workspace, request->name(),
                      [&](const v1::Run& run) {
                        v1::WatchRunResponse response;
                        *response.mutable_run() = run;
                        gone = !writer->Write(response);
                        return !gone;
                      },
                      [&]() -> absl::Status {
                        if (draining_) return Draining();
                        if (call.IsCancelled()) return absl::CancelledError("the client has gone");
                        if (absl::Now() >= call.token_expire_time) {
                          return Unauthenticated("TOKEN_EXPIRED",
                                                 "the token has ended; watch again with a new one");
                        }
                        return absl::OkStatus();
                      });
                  return gone ? absl::CancelledError("the client has gone") : status;
                });
}

}  // namespace tarn::transform

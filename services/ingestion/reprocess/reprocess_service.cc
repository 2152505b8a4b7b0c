#include "services/ingestion/reprocess/reprocess_service.h"

#include "common/postgres/storage_opener.h"
#include "common/status/status_macros.h"
#include "services/ingestion/reprocess/reprocess_manager.h"

namespace tarn::ingestion {

using rpc::Access;
using rpc::CallContext;

grpc::Status ReprocessService::Handle(
    grpc::ServerContext* context, rpc::MethodInfo method,
    absl::FunctionRef<absl::Status(const rpc::CallContext&)> body) const {
  return handler_.Handle(context, method, [&](const CallContext& call) -> absl::Status {
    TARN_RETURN_IF_ERROR(storage_.Check());
    return body(call);
  });
}

grpc::Status ReprocessService::StartReprocess(grpc::ServerContext* context,
                                              const v1::StartReprocessRequest* request,
                                              v1::Reprocess* response) {
  return Handle(context, {"StartReprocess", Access::kWrite}, [&](const CallContext& call) {
    TARN_ASSIGN_OR_RETURN(*response,
                          reprocesses_.Start({call.caller.workspace, call.caller.user}, *request));
    return absl::OkStatus();
  });
}

grpc::Status ReprocessService::GetReprocess(grpc::ServerContext* context,
                                            const v1::GetReprocessRequest* request,
                                            v1::Reprocess* response) {
  return Handle(context, {"GetReprocess", Access::kRead}, [&](const CallContext& call) {
    TARN_ASSIGN_OR_RETURN(*response, reprocesses_.Get(call.caller.workspace, *request,
                                                      [&] { return call.IsCancelled(); }));
    return absl::OkStatus();
  });
}

grpc::Status ReprocessService::ListReprocesses(grpc::ServerContext* context,
                                               const v1::ListReprocessesRequest* request,
                                               v1::ListReprocessesResponse* response) {
  return Handle(context, {"ListReprocesses", Access::kRead}, [&](const CallContext& call) {
    TARN_ASSIGN_OR_RETURN(*response, reprocesses_.List(call.caller.workspace, *request));
    return absl::OkStatus();
  });
}

grpc::Status ReprocessService::CancelReprocess(grpc::ServerContext* context,
                                               const v1::CancelReprocessRequest* request,
                                               v1::Reprocess* response) {
  return Handle(context, {"CancelReprocess", Access::kWrite}, [&](const CallContext& call) {
    TARN_ASSIGN_OR_RETURN(*response, reprocesses_.Cancel(call.caller.workspace, *request));
    return absl::OkStatus();
  });
}

}  // namespace tarn::ingestion

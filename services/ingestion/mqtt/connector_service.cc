#include "services/ingestion/mqtt/connector_service.h"

#include "common/postgres/storage_opener.h"
#include "common/status/status_macros.h"
#include "services/ingestion/mqtt/connector_manager.h"

namespace tarn::ingestion::mqtt {

using rpc::Access;
using rpc::CallContext;

namespace {

RequestContext ContextOf(const CallContext& call) {
  return {call.caller.workspace, call.caller.user};
}

}  // namespace

grpc::Status ConnectorService::Handle(
    grpc::ServerContext* context, rpc::MethodInfo method,
    absl::FunctionRef<absl::Status(const rpc::CallContext&)> body) const {
  return handler_.Handle(context, method, [&](const CallContext& call) -> absl::Status {
    TARN_RETURN_IF_ERROR(storage_.Check());
    return body(call);
  });
}

grpc::Status ConnectorService::CreateConnector(grpc::ServerContext* context,
                                               const v1::CreateConnectorRequest* request,
                                               v1::Connector* response) {
  return Handle(context, {"CreateConnector", Access::kWrite}, [&](const CallContext& call) {
    TARN_ASSIGN_OR_RETURN(*response, connectors_.Create(ContextOf(call), *request));
    return absl::OkStatus();
  });
}

grpc::Status ConnectorService::GetConnector(grpc::ServerContext* context,
                                            const v1::GetConnectorRequest* request,
                                            v1::Connector* response) {
  return Handle(context, {"GetConnector", Access::kRead}, [&](const CallContext& call) {
    TARN_ASSIGN_OR_RETURN(*response, connectors_.Get(call.caller.workspace, request->name()));
    return absl::OkStatus();
  });
}

grpc::Status ConnectorService::ListConnectors(grpc::ServerContext* context,
                                              const v1::ListConnectorsRequest* request,
                                              v1::ListConnectorsResponse* response) {
  return Handle(context, {"ListConnectors", Access::kRead}, [&](const CallContext& call) {
    TARN_ASSIGN_OR_RETURN(*response, connectors_.List(call.caller.workspace, *request));
    return absl::OkStatus();
  });
}

grpc::Status ConnectorService::UpdateConnector(grpc::ServerContext* context,
                                               const v1::UpdateConnectorRequest* request,
                                               v1::Connector* response) {
  return Handle(context, {"UpdateConnector", Access::kWrite}, [&](const CallContext& call) {
    TARN_ASSIGN_OR_RETURN(*response, connectors_.Update(ContextOf(call), *request));
    return absl::OkStatus();
  });
}

grpc::Status ConnectorService::DeleteConnector(grpc::ServerContext* context,
                                               const v1::DeleteConnectorRequest* request,
                                               v1::DeleteConnectorResponse*) {
  return Handle(context, {"DeleteConnector", Access::kWrite}, [&](const CallContext& call) {
    return connectors_.Delete(ContextOf(call), *request);
  });
}

}  // namespace tarn::ingestion::mqtt

// The RPCs of connectors: decode, call, encode. Thread safe.
#pragma once

#include <memory>

#include "tarn/ingestion/v1/connector_service.grpc.pb.h"

#include "common/rpc/call_handler.h"

namespace tarn {
class StorageOpener;
}

namespace tarn::ingestion::mqtt {

class ConnectorManager;

class ConnectorService : public v1::ConnectorService::Service {
 public:
  // Both outlive the service. Every call fails with the storage's Check until that is OK.
  ConnectorService(rpc::CallHandlerOptions options, ConnectorManager& connectors,
                   const StorageOpener& storage)
      : handler_(std::move(options)), connectors_(connectors), storage_(storage) {}

  grpc::Status CreateConnector(grpc::ServerContext*, const v1::CreateConnectorRequest*,
                               v1::Connector*) override;
  grpc::Status GetConnector(grpc::ServerContext*, const v1::GetConnectorRequest*,
                            v1::Connector*) override;
  grpc::Status ListConnectors(grpc::ServerContext*, const v1::ListConnectorsRequest*,
                              v1::ListConnectorsResponse*) override;
  grpc::Status UpdateConnector(grpc::ServerContext*, const v1::UpdateConnectorRequest*,
                               v1::Connector*) override;
  grpc::Status DeleteConnector(grpc::ServerContext*, const v1::DeleteConnectorRequest*,
                               v1::DeleteConnectorResponse*) override;

 private:
  grpc::Status Handle(grpc::ServerContext* context, rpc::MethodInfo method,
                      absl::FunctionRef<absl::Status(const rpc::CallContext&)> body) const;

  rpc::CallHandler handler_;
  ConnectorManager& connectors_;
  const StorageOpener& storage_;
};

}  // namespace tarn::ingestion::mqtt

// The rules of connectors. Thread safe. Errors are the store's, and INVALID_FIELD.
#pragma once

#include <functional>
#include <string>
#include <utility>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "tarn/ingestion/v1/connector_service.pb.h"

#include "services/ingestion/mqtt/connector_store.h"

namespace tarn::ingestion::mqtt {

class ConnectorManager {
 public:
  // `on_change` is called after each change.
  ConnectorManager(ConnectorStore& store, std::function<void()> on_change)
      : store_(store), on_change_(std::move(on_change)) {}

  absl::StatusOr<v1::Connector> Create(const RequestContext& context,
                                       const v1::CreateConnectorRequest& request);
  absl::StatusOr<v1::Connector> Get(const std::string& workspace, const std::string& name);
  absl::StatusOr<v1::ListConnectorsResponse> List(const std::string& workspace,
                                                  const v1::ListConnectorsRequest& request);
  absl::StatusOr<v1::Connector> Update(const RequestContext& context,
                                       const v1::UpdateConnectorRequest& request);
  absl::Status Delete(const RequestContext& context, const v1::DeleteConnectorRequest& request);

 private:
  ConnectorStore& store_;
  const std::function<void()> on_change_;
};

}  // namespace tarn::ingestion::mqtt

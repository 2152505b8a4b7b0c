#include "services/ingestion/mqtt/connector_manager.h"

#include <vector>

#include "common/page_token/page_token.h"
#include "common/status/status_macros.h"

namespace tarn::ingestion::mqtt {

absl::StatusOr<v1::Connector> ConnectorManager::Create(const RequestContext& context,
                                                       const v1::CreateConnectorRequest& request) {
  TARN_ASSIGN_OR_RETURN(const v1::Connector normal, NormalizeConnector(request.connector()));
  TARN_ASSIGN_OR_RETURN(const Connector connector, store_.Create(context, request, normal));
  on_change_();
  return ConnectorToProto(connector);
}

absl::StatusOr<v1::Connector> ConnectorManager::Get(const std::string& workspace,
                                                    const std::string& name) {
  TARN_ASSIGN_OR_RETURN(const std::string id, ParseConnectorName(name));
  TARN_ASSIGN_OR_RETURN(const Connector connector, store_.Get(workspace, id));
  return ConnectorToProto(connector);
}

absl::StatusOr<v1::ListConnectorsResponse> ConnectorManager::List(
    const std::string& workspace, const v1::ListConnectorsRequest& request) {
  const std::string query = QueryFingerprint({"connectors", workspace});
  TARN_ASSIGN_OR_RETURN(const std::string after, DecodePageToken(query, request.page_token()));
  TARN_ASSIGN_OR_RETURN(const int size, PageSize(request.page_size()));
  TARN_ASSIGN_OR_RETURN(std::vector<Connector> connectors, store_.List(workspace, after, size + 1));
  v1::ListConnectorsResponse response;
  if (static_cast<int>(connectors.size()) > size) {
    connectors.pop_back();
    response.set_next_page_token(EncodePageToken(query, connectors.back().id));
  }
  for (const Connector& connector : connectors) {
    *response.add_connectors() = ConnectorToProto(connector);
  }
  return response;
}

absl::StatusOr<v1::Connector> ConnectorManager::Update(const RequestContext& context,
                                                       const v1::UpdateConnectorRequest& request) {
  TARN_ASSIGN_OR_RETURN(const std::string id, ParseConnectorName(request.connector().name()));
  TARN_ASSIGN_OR_RETURN(const Connector connector,
                        store_.Update(context, request, id, [&](const v1::Connector& current) {
                          return ApplyConnectorUpdate(current, request.connector(),
                                                      request.update_mask());
                        }));
  on_change_();
  return ConnectorToProto(connector);
}

absl::Status ConnectorManager::Delete(const RequestContext& context,
                                      const v1::DeleteConnectorRequest& request) {
  TARN_ASSIGN_OR_RETURN(const std::string id, ParseConnectorName(request.name()));
  TARN_RETURN_IF_ERROR(store_.Delete(context, request, id));
  on_change_();
  return absl::OkStatus();
}

}  // namespace tarn::ingestion::mqtt

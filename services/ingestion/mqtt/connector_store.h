// Connectors in PostgreSQL: all SQL over them is here.
//
// Thread safe. Errors besides those of common/postgres: NOT_FOUND CONNECTOR_NOT_FOUND,
// ALREADY_EXISTS CONNECTOR_EXISTS, ABORTED ETAG_MISMATCH and LEASE_LOST, FAILED_PRECONDITION
// REQUEST_ID_REUSED.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "tarn/ingestion/v1/connector_service.pb.h"

#include "common/lease/lease.h"
#include "common/postgres/postgres_pool.h"
#include "services/ingestion/mqtt/connector.h"
#include "services/ingestion/stream/stream_store.h"

namespace tarn::ingestion::mqtt {

// What a holder tells of its connector.
struct ConnectorReport {
  bool connected = false;
  // Kept where it is empty.
  std::string error;
  // Of messages since the last report.
  int64_t messages = 0;
  int64_t duplicates = 0;
  // The subscription that the session has now; kept where there is none.
  std::optional<std::string> subscribed_filter;
};

class ConnectorStore {
 public:
  explicit ConnectorStore(PostgresPool& pool) : pool_(pool) {}

  absl::StatusOr<Connector> Create(const RequestContext& context,
                                   const v1::CreateConnectorRequest& request,
                                   const v1::Connector& normal);
  // `change` gets the present definition and gives the new one. Unchanged, nothing is written.
  absl::StatusOr<Connector> Update(
      const RequestContext& context, const v1::UpdateConnectorRequest& request, std::string_view id,
      const std::function<absl::StatusOr<v1::Connector>(const v1::Connector&)>& change);
  absl::Status Delete(const RequestContext& context, const v1::DeleteConnectorRequest& request,
                      std::string_view id);
  absl::StatusOr<Connector> Get(std::string_view workspace, std::string_view id);
  // By id, those after `after`; at most `limit`.
  absl::StatusOr<std::vector<Connector>> List(std::string_view workspace, std::string_view after,
                                              int limit);

  // Takes one that is not paused and that nobody holds; nothing when there is none.
  absl::StatusOr<std::optional<Lease>> ClaimNext(std::string_view holder, absl::Duration ttl);
  absl::Status Report(const Lease& lease, const ConnectorReport& report);
  absl::Status Release(const Lease& lease);
  static const LeaseTable& Leases();

 private:
  PostgresPool& pool_;
};

}  // namespace tarn::ingestion::mqtt

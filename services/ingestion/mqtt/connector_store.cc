#include "services/ingestion/mqtt/connector_store.h"

#include <absl/strings/str_cat.h>
#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/message_differencer.h>
#include <google/protobuf/util/time_util.h>

#include "common/idempotency/idempotency.h"
#include "common/ids/ids.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"

namespace tarn::ingestion::mqtt {
namespace {

using google::protobuf::util::TimeUtil;

constexpr std::string_view kSelect =
    "SELECT workspace, connector_id, uid, definition, owner, paused, revision, create_time, "
    "update_time, connected, state_time, error, error_time, message_count, duplicate_count, "
    "last_message_time, subscribed_filter, lease_holder IS NOT NULL AND lease_expires_at > "
    "clock_timestamp() AS held FROM ingestion.connectors ";

idempotency::RequestKey KeyOf(const RequestContext& context, std::string_view method,
                              const std::string& request_id) {
  return {context.workspace, context.user,
          absl::StrCat("tarn.ingestion.v1.ConnectorService/", std::string(method)), request_id};
}

std::string ToJson(const v1::Connector& definition) {
  std::string json;
  google::protobuf::util::MessageToJsonString(definition, &json).ok();
  return json;
}

google::protobuf::Timestamp ToTimestamp(absl::Time time) {
  return TimeUtil::MicrosecondsToTimestamp(absl::ToUnixMicros(time));
}

v1::ConnectorStatus StatusOf(const Row& row) {
  v1::ConnectorStatus status;
  if (row.Get<bool>("paused")) {
    status.set_state(v1::CONNECTOR_STATE_PAUSED);
  } else if (!row.Get<bool>("held")) {
    status.set_state(v1::CONNECTOR_STATE_WAITING);
  } else {
    status.set_state(row.Get<bool>("connected") ? v1::CONNECTOR_STATE_CONNECTED
                                                : v1::CONNECTOR_STATE_CONNECTING);
  }
  *status.mutable_state_time() = ToTimestamp(row.Get<absl::Time>("state_time"));
  status.set_error(row.Get<std::string>("error"));
  if (const auto time = row.Get<std::optional<absl::Time>>("error_time")) {
    *status.mutable_error_time() = ToTimestamp(*time);
  }
  status.set_message_count(row.Get<int64_t>("message_count"));
  status.set_duplicate_count(row.Get<int64_t>("duplicate_count"));
  if (const auto time = row.Get<std::optional<absl::Time>>("last_message_time")) {
    *status.mutable_last_message_time() = ToTimestamp(*time);
  }
  return status;
}

absl::StatusOr<Connector> FromRow(const Row& row) {
  Connector connector;
  connector.workspace = row.Get<std::string>("workspace");
  connector.id = row.Get<std::string>("connector_id");
  connector.uid = row.Get<std::string>("uid");
  connector.owner = row.Get<std::string>("owner");
  connector.revision = row.Get<int64_t>("revision");
  connector.create_time = row.Get<absl::Time>("create_time");
  connector.update_time = row.Get<absl::Time>("update_time");
  connector.subscribed_filter = row.Get<std::string>("subscribed_filter");
  connector.status = StatusOf(row);
  google::protobuf::util::JsonParseOptions options;
  options.ignore_unknown_fields = true;  // of a later release
  const auto parsed = google::protobuf::util::JsonStringToMessage(
      row.Get<std::string>("definition"), &connector.definition, options);
  if (!parsed.ok()) {
    return Internal("STORED_CONNECTOR",
                    absl::StrCat("the stored definition of ", connector.name(), " cannot be read"));
  }
  return connector;
}

absl::StatusOr<Connector> GetRow(Transaction& txn, std::string_view workspace, std::string_view id,
                                 bool lock) {
  const Result rows =
      txn.Exec(absl::StrCat(std::string(kSelect), "WHERE workspace = $1 AND connector_id = $2",
                            lock ? " FOR UPDATE" : ""),
               workspace, id);
  if (!rows.empty()) return FromRow(rows[0]);
  return NotFound("CONNECTOR_NOT_FOUND",
                  absl::StrCat("there is no connector \"", std::string(id),
                               "\"; ListConnectors (tarn get connectors) shows those that exist"),
                  {{"connector", "connectors/" + std::string(id)}});
}

absl::Status CheckEtag(const std::string& given, const Connector& connector) {
  if (given.empty() || given == connector.etag()) return absl::OkStatus();
  return Aborted("ETAG_MISMATCH",
                 absl::StrCat(connector.name(), " has changed since it was read; read it again"),
                 {{"connector", connector.name()}});
}

}  // namespace

const LeaseTable& ConnectorStore::Leases() {
  static const auto* const kTable =
      new LeaseTable{"ingestion.connectors", {"workspace", "connector_id"}};
  return *kTable;
}

absl::StatusOr<Connector> ConnectorStore::Create(const RequestContext& context,
                                                 const v1::CreateConnectorRequest& request,
                                                 const v1::Connector& normal) {
  const std::string id = normal.name().substr(std::string_view("connectors/").size());
  return pool_.Run([&](Transaction& txn) -> absl::StatusOr<Connector> {
    const auto once = idempotency::Once<v1::Connector>(
        txn, "ingestion", KeyOf(context, "CreateConnector", request.request_id()), request,
        [&]() -> absl::StatusOr<v1::Connector> {
          const Result inserted = txn.Exec(
              "INSERT INTO ingestion.connectors (workspace, connector_id, uid, definition, owner, "
              "paused, create_time, update_time) VALUES ($1, $2, $3, $4::jsonb, $5, $6, now(), "
              "now()) ON CONFLICT (workspace, connector_id) DO NOTHING",
              context.workspace, id, NewUuid(), ToJson(normal), context.user, normal.paused());
          if (inserted.affected_rows() == 0) {
            return AlreadyExists("CONNECTOR_EXISTS",
                                 absl::StrCat("connector \"", id,
                                              "\" is there already; change it with "
                                              "UpdateConnector or tarn apply"),
                                 {{"connector", normal.name()}});
          }
          return v1::Connector();
        });
    TARN_RETURN_IF_ERROR(once.status());
    return GetRow(txn, context.workspace, id, false);
  });
}

absl::StatusOr<Connector> ConnectorStore::Update(
    const RequestContext& context, const v1::UpdateConnectorRequest& request, std::string_view id,
    const std::function<absl::StatusOr<v1::Connector>(const v1::Connector&)>& change) {
  return pool_.Run([&](Transaction& txn) -> absl::StatusOr<Connector> {
    const auto once = idempotency::Once<v1::Connector>(
        txn, "ingestion", KeyOf(context, "UpdateConnector", request.request_id()), request,
        [&]() -> absl::StatusOr<v1::Connector> {
          TARN_ASSIGN_OR_RETURN(const Connector current, GetRow(txn, context.workspace, id, true));
          TARN_RETURN_IF_ERROR(CheckEtag(request.connector().etag(), current));
          TARN_ASSIGN_OR_RETURN(const v1::Connector next, change(current.definition));
          if (google::protobuf::util::MessageDifferencer::Equals(next, current.definition)) {
            return v1::Connector();
          }
          // Another session at the broker has another subscription.
          const bool same_session =
              next.mqtt().broker() == current.definition.mqtt().broker() &&
              next.mqtt().client_id() == current.definition.mqtt().client_id() &&
              next.mqtt().user() == current.definition.mqtt().user();
          txn.Exec(
              "UPDATE ingestion.connectors SET definition = $3::jsonb, paused = $4, revision = "
              "revision + 1, update_time = now(), subscribed_filter = CASE WHEN $5::boolean THEN "
              "subscribed_filter ELSE '' END WHERE workspace = $1 AND connector_id = $2",
              context.workspace, id, ToJson(next), next.paused(), same_session);
          return v1::Connector();
        });
    TARN_RETURN_IF_ERROR(once.status());
    return GetRow(txn, context.workspace, id, false);
  });
}

absl::Status ConnectorStore::Delete(const RequestContext& context,
                                    const v1::DeleteConnectorRequest& request,
                                    std::string_view id) {
  return pool_.Run([&](Transaction& txn) -> absl::Status {
    return idempotency::Once<v1::DeleteConnectorResponse>(
               txn, "ingestion", KeyOf(context, "DeleteConnector", request.request_id()), request,
               [&]() -> absl::StatusOr<v1::DeleteConnectorResponse> {
                 TARN_ASSIGN_OR_RETURN(const Connector current,
                                       GetRow(txn, context.workspace, id, true));
                 TARN_RETURN_IF_ERROR(CheckEtag(request.etag(), current));
                 txn.Exec(
                     "DELETE FROM ingestion.connectors WHERE workspace = $1 AND connector_id = $2",
                     context.workspace, id);
                 return v1::DeleteConnectorResponse();
               })
        .status();
  });
}

absl::StatusOr<Connector> ConnectorStore::Get(std::string_view workspace, std::string_view id) {
  return pool_.RunReadOnly([&](Transaction& txn) { return GetRow(txn, workspace, id, false); });
}

absl::StatusOr<std::vector<Connector>> ConnectorStore::List(std::string_view workspace,
                                                            std::string_view after, int limit) {
  return pool_.RunReadOnly([&](Transaction& txn) -> absl::StatusOr<std::vector<Connector>> {
    std::vector<Connector> connectors;
    for (const Row row :
         txn.Exec(absl::StrCat(std::string(kSelect),
                               "WHERE workspace = $1 AND connector_id > $2 ORDER BY connector_id "
                               "LIMIT $3"),
                  workspace, after, limit)) {
      TARN_ASSIGN_OR_RETURN(Connector connector, FromRow(row));
      connectors.push_back(std::move(connector));
    }
    return connectors;
  });
}

absl::StatusOr<std::optional<Lease>> ConnectorStore::ClaimNext(std::string_view holder,
                                                               absl::Duration ttl) {
  return pool_.Run([&](Transaction& txn) -> absl::StatusOr<std::optional<Lease>> {
    return tarn::ClaimNext(txn, Leases(), holder, ttl, {.where = "NOT l.paused"});
  });
}

absl::Status ConnectorStore::Report(const Lease& lease, const ConnectorReport& report) {
  return pool_.Run([&](Transaction& txn) -> absl::Status {
    TARN_RETURN_IF_ERROR(CheckLease(txn, Leases(), lease));
    txn.Exec(
        "UPDATE ingestion.connectors SET state_time = CASE WHEN connected = $3::boolean THEN "
        "state_time ELSE now() END, connected = $3::boolean, error = CASE WHEN $4 = '' THEN error "
        "ELSE $4 END, error_time = CASE WHEN $4 = '' THEN error_time ELSE now() END, message_count "
        "= message_count + $5, duplicate_count = duplicate_count + $6, last_message_time = CASE "
        "WHEN $5 > 0 THEN now() ELSE last_message_time END, subscribed_filter = "
        "coalesce($7, subscribed_filter) WHERE workspace = $1 AND connector_id = $2",
        lease.key[0], lease.key[1], report.connected, report.error, report.messages,
        report.duplicates, report.subscribed_filter);
    return absl::OkStatus();
  });
}

absl::Status ConnectorStore::Release(const Lease& lease) {
  return pool_.Run(
      [&](Transaction& txn) -> absl::Status { return tarn::Release(txn, Leases(), lease); });
}

}  // namespace tarn::ingestion::mqtt

#include "common/events/event.h"

#include <nlohmann/json.hpp>

#include "common/events/migrations.h"
#include "common/postgres/postgres_pool.h"
#include "common/status/error.h"

namespace tarn::events {

absl::Status Migrate(PostgresPool& pool) { return ApplyMigrations(pool, "events", Migrations()); }

absl::Status Append(Transaction& txn, const Event& event) {
  if (event.workspace.empty() || event.type.empty() || event.source.empty()) {
    return InvalidArgument(
        "INVALID_EVENT",
        "an event needs a workspace, a type and a source; its type is \"" + event.type + "\"");
  }
  if (!nlohmann::json::accept(event.data)) {
    return InvalidArgument("INVALID_EVENT", "the data of event " + event.type + " are not JSON");
  }
  std::optional<absl::Time> time;
  if (event.time != absl::InfinitePast()) time = event.time;
  std::optional<std::string> id;
  if (!event.id.empty()) id = event.id;
  txn.ExecPrepared(
      "INSERT INTO events.outbox (id, workspace, type, source, subject, time, data, request_id) "
      "VALUES (coalesce($1::uuid, gen_random_uuid()), $2, $3, $4, $5, "
      "coalesce($6::timestamptz, now()), $7::jsonb, $8)",
      id, event.workspace, event.type, event.source, event.subject, time, event.data,
      event.request_id);
  txn.NotifyAfterCommit(std::string(kChannel));
  return absl::OkStatus();
}

absl::StatusOr<int64_t> DeleteOlderThan(PostgresPool& pool, absl::Duration age, int64_t limit) {
  return pool.Run([&](Transaction& txn) -> absl::StatusOr<int64_t> {
    return txn
        .Exec(
            "DELETE FROM events.outbox WHERE (xid, seq) IN (SELECT xid, seq FROM events.outbox "
            "WHERE time < now() - $1::bigint * interval '1 millisecond' ORDER BY time LIMIT $2)",
            absl::ToInt64Milliseconds(age), limit)
        .affected_rows();
  });
}

std::string ToCloudEventJson(const Event& event) {
  nlohmann::ordered_json json = {
      {"specversion", "1.0"}, {"id", event.id}, {"source", event.source}, {"type", event.type}};
  if (!event.subject.empty()) json["subject"] = event.subject;
  if (event.time != absl::InfinitePast()) {
    json["time"] = absl::FormatTime("%Y-%m-%dT%H:%M:%E*SZ", event.time, absl::UTCTimeZone());
  }
  json["tarnworkspace"] = event.workspace;
  if (!event.request_id.empty()) json["tarnrequestid"] = event.request_id;
  json["datacontenttype"] = "application/json";
  json["data"] = nlohmann::ordered_json::parse(event.data, nullptr, /*allow_exceptions=*/false);
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace tarn::events

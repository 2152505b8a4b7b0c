#include "services/catalog/governance/audit_log.h"

#include "common/proto_json/proto_json.h"
#include "common/status/status_macros.h"
#include "services/catalog/time_proto.h"

namespace tarn::catalog {
namespace {

// Null for nothing.
absl::StatusOr<std::optional<std::string>> JsonOf(const google::protobuf::Message* message) {
  if (message == nullptr) return std::nullopt;
  TARN_ASSIGN_OR_RETURN(std::string json, proto_json::ToJson(*message));
  return json;
}

}  // namespace

absl::Status AuditLog::Append(const Actor& actor, v1::AuditAction action, std::string_view resource,
                              const google::protobuf::Message* before,
                              const google::protobuf::Message* after) {
  TARN_ASSIGN_OR_RETURN(const std::optional<std::string> before_json, JsonOf(before));
  TARN_ASSIGN_OR_RETURN(const std::optional<std::string> after_json, JsonOf(after));
  txn_.Exec(
      "INSERT INTO catalog.audit_entries (workspace, user_name, action, resource, before, "
      "after, request_id) VALUES ($1, $2, $3, $4, $5::jsonb, $6::jsonb, $7)",
      actor.workspace, actor.user, static_cast<int>(action), resource, before_json, after_json,
      actor.request_id);
  return absl::OkStatus();
}

absl::Status AuditLog::Created(const Actor& actor, std::string_view resource,
                               const google::protobuf::Message& after) {
  return Append(actor, v1::AUDIT_ACTION_CREATE, resource, nullptr, &after);
}

absl::Status AuditLog::Updated(const Actor& actor, std::string_view resource,
                               const google::protobuf::Message& before,
                               const google::protobuf::Message& after) {
  return Append(actor, v1::AUDIT_ACTION_UPDATE, resource, &before, &after);
}

absl::Status AuditLog::Deleted(const Actor& actor, std::string_view resource,
                               const google::protobuf::Message& before) {
  return Append(actor, v1::AUDIT_ACTION_DELETE, resource, &before, nullptr);
}

std::vector<v1::AuditEntry> AuditLog::List(const std::string& workspace, const AuditFilter& filter,
                                           int64_t before, int limit) {
  std::vector<v1::AuditEntry> entries;
  for (const Row row : txn_.Exec(
           "SELECT number, time, user_name, action, resource, coalesce(before::text, '') AS before,"
           " coalesce(after::text, '') AS after, request_id FROM catalog.audit_entries "
           "WHERE workspace = $1 AND number < $2 "
           "AND ($3 = '' OR resource = $3 OR starts_with(resource, $3 || '/')) "
           "AND ($4 = '' OR user_name = $4) AND ($5::int = 0 OR action = $5::int) "
           "AND ($6::timestamptz IS NULL OR time >= $6::timestamptz) "
           "AND ($7::timestamptz IS NULL OR time < $7::timestamptz) "
           "ORDER BY number DESC LIMIT $8",
           workspace, before, filter.resource, filter.user, static_cast<int>(filter.action),
           filter.start_time, filter.end_time, limit)) {
    v1::AuditEntry& entry = entries.emplace_back();
    entry.set_name("auditEntries/" + row.Get<std::string>("number"));
    *entry.mutable_time() = ToTimestamp(row.Get<absl::Time>("time"));
    entry.set_user(row.Get<std::string>("user_name"));
    entry.set_action(static_cast<v1::AuditAction>(row.Get<int>("action")));
    entry.set_resource(row.Get<std::string>("resource"));
    entry.set_before(row.Get<std::string>("before"));
    entry.set_after(row.Get<std::string>("after"));
    entry.set_request_id(row.Get<std::string>("request_id"));
  }
  return entries;
}

}  // namespace tarn::catalog

#include "services/catalog/database_manager.h"

#include "tarn/catalog/v1/database.pb.h"

#include "common/events/event.h"
#include "common/names/names.h"
#include "common/names/nearest_name.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/catalog/database_store.h"
#include "services/catalog/governance/audit_log.h"
#include "services/catalog/table_proto.h"

namespace tarn::catalog {
namespace {

constexpr int kSuggestionsFrom = 1000;

absl::Status AppendEvent(Transaction& txn, const Actor& actor, const std::string& what,
                         const std::string& id) {
  return events::Append(txn, {.workspace = actor.workspace,
                              .type = "tarn.catalog.database." + what,
                              .source = "catalog",
                              .subject = names::Database(id),
                              .request_id = actor.request_id});
}

v1::Database Audited(const Database& database) {
  v1::Database proto;
  ToProto(database, &proto);
  return proto;
}

absl::Status DatabaseNotFound(DatabaseStore& store, const std::string& workspace,
                              const std::string& id) {
  std::vector<std::string> ids;
  for (const Database& database : store.List(workspace, "", kSuggestionsFrom)) {
    ids.push_back(database.id);
  }
  return NotFound("DATABASE_NOT_FOUND",
                  "database " + id + " does not exist" + names::DidYouMean(id, ids),
                  {{"database", id}});
}

}  // namespace

absl::Status CheckEtag(const std::string& given, const std::string& actual,
                       const std::string& resource) {
  if (given.empty() || given == actual) return absl::OkStatus();
  return Aborted("ETAG_MISMATCH",
                 resource + " has changed since it was read; read it again and repeat the change",
                 {{"resource", resource}});
}

absl::StatusOr<Database> DatabaseManager::Create(const Actor& actor, Database database) {
  TARN_RETURN_IF_ERROR(names::ValidateNewDatabaseId("database.name", database.id));
  database.owner = actor.user;
  std::optional<Database> created = DatabaseStore(txn_).Insert(actor.workspace, database);
  if (!created) {
    return AlreadyExists("DATABASE_EXISTS", "database " + database.id + " exists already",
                         {{"database", database.id}});
  }
  TARN_RETURN_IF_ERROR(
      AuditLog(txn_).Created(actor, names::Database(database.id), Audited(*created)));
  TARN_RETURN_IF_ERROR(AppendEvent(txn_, actor, "created", database.id));
  return *std::move(created);
}

absl::StatusOr<Database> DatabaseManager::Get(const std::string& workspace, const std::string& id) {
  DatabaseStore store(txn_);
  std::optional<Database> database = store.Find(workspace, id);
  if (!database) return DatabaseNotFound(store, workspace, id);
  return *std::move(database);
}

std::vector<Database> DatabaseManager::List(const std::string& workspace, const std::string& after,
                                            int limit) {
  return DatabaseStore(txn_).List(workspace, after, limit);
}

absl::StatusOr<Database> DatabaseManager::Update(const Actor& actor, const std::string& id,
                                                 const DatabaseChange& change) {
  DatabaseStore store(txn_);
  std::optional<Database> current = store.Find(actor.workspace, id, /*for_update=*/true);
  if (!current) return DatabaseNotFound(store, actor.workspace, id);
  TARN_RETURN_IF_ERROR(
      CheckEtag(change.etag, EtagOf(current->create_time, current->revision), names::Database(id)));
  Database next = *current;
  if (change.comment) next.comment = *change.comment;
  if (change.properties) next.properties = *change.properties;
  if (next.comment == current->comment && next.properties == current->properties) return next;
  Database updated = store.Update(actor.workspace, next);
  TARN_RETURN_IF_ERROR(
      AuditLog(txn_).Updated(actor, names::Database(id), Audited(*current), Audited(updated)));
  return updated;
}

absl::Status DatabaseManager::Delete(const Actor& actor, const std::string& id,
                                     const std::string& etag) {
  DatabaseStore store(txn_);
  const std::optional<Database> current = store.Find(actor.workspace, id, /*for_update=*/true);
  if (!current) return DatabaseNotFound(store, actor.workspace, id);
  TARN_RETURN_IF_ERROR(
      CheckEtag(etag, EtagOf(current->create_time, current->revision), names::Database(id)));
  if (store.HasTables(actor.workspace, id)) {
    return FailedPrecondition("DATABASE_NOT_EMPTY",
                              "database " + id + " holds tables; remove them first",
                              {{"database", id}});
  }
  store.Delete(actor.workspace, id);
  TARN_RETURN_IF_ERROR(AuditLog(txn_).Deleted(actor, names::Database(id), Audited(*current)));
  return AppendEvent(txn_, actor, "deleted", id);
}

}  // namespace tarn::catalog

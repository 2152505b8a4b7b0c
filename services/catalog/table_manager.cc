#include "services/catalog/table_manager.h"

#include "tarn/catalog/v1/table.pb.h"

#include "common/events/event.h"
#include "common/ids/ids.h"
#include "common/lake/lake_paths.h"
#include "common/names/names.h"
#include "common/names/nearest_name.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/catalog/database_manager.h"
#include "services/catalog/governance/audit_log.h"
#include "services/catalog/maintenance/snapshot_expirer.h"
#include "services/catalog/table_proto.h"
#include "services/catalog/table_store.h"

namespace tarn::catalog {
namespace {

std::string ResourceName(const TableKey& key) { return names::Table(key.database, key.table); }

absl::Status AppendEvent(Transaction& txn, const Actor& actor, const std::string& what,
                         const TableKey& key) {
  return events::Append(txn, {.workspace = actor.workspace,
                              .type = "tarn.catalog.table." + what,
                              .source = "catalog",
                              .subject = ResourceName(key),
                              .request_id = actor.request_id});
}

// A table as the audit log keeps it: what is in it is no matter of the definition.
v1::Table Audited(const Table& table) {
  v1::Table proto;
  ToProto(table, &proto);
  proto.clear_current_snapshot();
  proto.clear_statistics();
  return proto;
}

void ValidateSource(const Table& table, std::vector<FieldViolation>& violations) {
  const TableDefinition& definition = table.definition;
  if ((table.type == TableType::kExternal) != definition.external.has_value()) {
    violations.push_back({"table.external", "is given for external tables, and only for them"});
  }
  if ((table.type == TableType::kView) != definition.view.has_value()) {
    violations.push_back({"table.view", "is given for views, and only for them"});
  }
  if (definition.external) {
    if (const absl::Status path = lake::ValidateRelativePath(definition.external->path);
        !path.ok()) {
      violations.push_back({"table.external.path", std::string(path.message())});
    }
  }
  if (definition.view && definition.view->sql.empty()) {
    violations.push_back({"table.view.sql", "is required"});
  }
}

}  // namespace

absl::Status ValidateTable(const Table& table) {
  std::vector<FieldViolation> violations;
  const TableDefinition& definition = table.definition;
  if (definition.schema.fields.empty()) {
    violations.push_back({"table.schema.fields", "a table has at least one column"});
  }
  ValidateFields("table.schema.fields", definition.schema.fields, violations);
  ValidateSource(table, violations);
  if (table.type == TableType::kView &&
      (!definition.partition_fields.empty() || !definition.sort_fields.empty())) {
    violations.push_back({"table.partition_fields", "a view has neither partitions nor an order"});
  }
  ValidatePartitionFields("table.partition_fields", definition.partition_fields,
                          definition.schema.fields, violations);
  ValidateSortFields("table.sort_fields", definition.sort_fields, definition.schema.fields,
                     violations);
  if (violations.empty()) return absl::OkStatus();
  return InvalidFields(std::move(violations));
}

absl::Status TableManager::TableNotFound(const TableKey& key) {
  const absl::StatusOr<Database> database = DatabaseManager(txn_).Get(key.workspace, key.database);
  if (!database.ok()) return database.status();
  const std::string name = key.SqlName();
  return NotFound(
      "TABLE_NOT_FOUND",
      "table " + name + " does not exist" +
          names::DidYouMean(name, TableStore(txn_).ListNames(key.workspace, key.database)),
      {{"table", name}});
}

absl::StatusOr<Table> TableManager::Create(const Actor& actor, Table table) {
  TARN_RETURN_IF_ERROR(names::ValidateSqlId("table.name", table.key.table));
  TARN_RETURN_IF_ERROR(DatabaseManager(txn_).Get(table.key.workspace, table.key.database).status());
  TARN_RETURN_IF_ERROR(ValidateTable(table));
  TARN_RETURN_IF_ERROR(ExpiryRuleOf(table.properties).status());
  table.definition.schema.schema_id = 0;
  table.last_field_id = AssignFieldIds(table.definition.schema.fields, 0);
  table.owner = actor.user;
  if (table.uid.empty()) table.uid = NewUuid();
  table.location = table.type == TableType::kManaged
                       ? lake::LakePaths::TableData(table.key.workspace, table.key.database,
                                                    table.key.table, table.uid)
                       : "";
  TableStore store(txn_);
  // A given uid may be that of a table that was dropped, whose folder is to be removed.
  if (table.type == TableType::kManaged &&
      store.IsGarbage(table.key.workspace,
                      lake::LakePaths::Table(table.key.workspace, table.key.database,
                                             table.key.table, table.uid))) {
    return Aborted("COMMIT_CONFLICT",
                   "table " + table.key.SqlName() +
                       " of this uid was dropped and its files are to be removed; repeat the "
                       "change with a new uid or none",
                   {{"table", table.key.SqlName()}, {"uid", table.uid}});
  }
  if (!store.Insert(table)) {
    return AlreadyExists("TABLE_EXISTS", "table " + table.key.SqlName() + " exists already",
                         {{"table", table.key.SqlName()}});
  }
  TARN_RETURN_IF_ERROR(AppendEvent(txn_, actor, "created", table.key));
  TARN_ASSIGN_OR_RETURN(Table created, Get(table.key));
  TARN_RETURN_IF_ERROR(AuditLog(txn_).Created(actor, ResourceName(created.key), Audited(created)));
  return created;
}

absl::StatusOr<Table> TableManager::Get(const TableKey& key) {
  std::optional<Table> table = TableStore(txn_).Find(key);
  if (!table) return TableNotFound(key);
  return *std::move(table);
}

absl::StatusOr<Table> TableManager::Lock(const TableKey& key) {
  std::optional<Table> table = TableStore(txn_).Lock(key);
  if (!table) return TableNotFound(key);
  return *std::move(table);
}

absl::StatusOr<std::vector<Table>> TableManager::List(const std::string& workspace,
                                                      const std::string& database,
                                                      const TableKey& after, int limit) {
  if (!database.empty()) {
    TARN_RETURN_IF_ERROR(DatabaseManager(txn_).Get(workspace, database).status());
  }
  return TableStore(txn_).List(workspace, database, after, limit);
}

absl::StatusOr<Table> TableManager::Update(const Actor& actor, const TableKey& key,
                                           const TableChange& change) {
  TARN_ASSIGN_OR_RETURN(Table current, Lock(key));
  TARN_RETURN_IF_ERROR(
      CheckEtag(change.etag, EtagOf(current.create_time, current.revision), ResourceName(key)));
  Table next = current;
  if (change.comment) next.comment = *change.comment;
  if (change.properties) {
    TARN_RETURN_IF_ERROR(ExpiryRuleOf(*change.properties).status());
    next.properties = *change.properties;
  }
  if (change.view) {
    if (current.type != TableType::kView) {
      return InvalidFields({{"table.view", key.SqlName() + " is no view"}});
    }
    next.definition.view = change.view;
  }
  int last_field_id = current.last_field_id;
  if (change.columns) {
    const TypeChange types =
        current.type == TableType::kManaged ? TypeChange::kWidenOnly : TypeChange::kAny;
    TARN_ASSIGN_OR_RETURN(SchemaChange columns,
                          ReplaceColumns(current.definition.schema.fields, current.last_field_id,
                                         *change.columns, types));
    next.definition.schema.fields = std::move(columns.fields);
    last_field_id = columns.last_field_id;
  }
  TARN_RETURN_IF_ERROR(ValidateTable(next));
  const bool same_texts = next.comment == current.comment && next.properties == current.properties;
  if (next.definition != current.definition) {
    return Redefine(actor, next, next.definition, last_field_id);
  }
  if (same_texts) return current;
  return Write(actor, next, /*new_definition=*/false);
}

absl::StatusOr<Table> TableManager::Redefine(const Actor& actor, const Table& current,
                                             TableDefinition definition, int last_field_id) {
  Table next = current;
  definition.schema.schema_id = current.definition.schema.schema_id + 1;
  next.definition = std::move(definition);
  next.last_field_id = last_field_id;
  return Write(actor, next, /*new_definition=*/true);
}

absl::StatusOr<Table> TableManager::Write(const Actor& actor, const Table& table,
                                          bool new_definition) {
  TARN_ASSIGN_OR_RETURN(const Table before, Get(table.key));
  TableStore(txn_).Update(table, new_definition);
  TARN_RETURN_IF_ERROR(AppendEvent(txn_, actor, "updated", table.key));
  TARN_ASSIGN_OR_RETURN(Table after, Get(table.key));
  TARN_RETURN_IF_ERROR(
      AuditLog(txn_).Updated(actor, ResourceName(table.key), Audited(before), Audited(after)));
  return after;
}

absl::Status TableManager::Delete(const Actor& actor, const TableKey& key,
                                  const std::string& etag) {
  TARN_ASSIGN_OR_RETURN(const Table table, Lock(key));
  TARN_RETURN_IF_ERROR(
      CheckEtag(etag, EtagOf(table.create_time, table.revision), ResourceName(key)));
  TableStore store(txn_);
  if (table.type == TableType::kManaged) {
    store.AddGarbage(key.workspace,
                     lake::LakePaths::Table(key.workspace, key.database, key.table, table.uid),
                     kGarbageGrace);
  }
  store.Delete(table);
  TARN_RETURN_IF_ERROR(AuditLog(txn_).Deleted(actor, ResourceName(key), Audited(table)));
  return AppendEvent(txn_, actor, "deleted", key);
}

}  // namespace tarn::catalog

#include "services/catalog/history/table_rollback.h"

#include <absl/strings/str_cat.h>

#include "common/events/event.h"
#include "common/ids/ids.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/catalog/json_columns.h"
#include "services/catalog/schema_evolution.h"
#include "services/catalog/table_manager.h"
#include "services/catalog/table_store.h"

namespace tarn::catalog {
namespace {

absl::Status CheckManaged(const Table& table) {
  if (table.type == TableType::kManaged) return absl::OkStatus();
  return InvalidArgument(
      "WRONG_OPERATION",
      table.key.SqlName() + " is no managed table: only Tarn's own files are kept for the way back",
      {{"table", table.key.SqlName()}});
}

absl::Status CheckBase(const Table& table, int64_t base_snapshot_id) {
  if (base_snapshot_id == 0 || base_snapshot_id == table.current_snapshot->id) {
    return absl::OkStatus();
  }
  return Aborted("COMMIT_CONFLICT",
                 absl::StrCat("the current snapshot of ", table.key.SqlName(), " is ",
                              table.current_snapshot->id, ", not ", base_snapshot_id,
                              "; look at what was committed since, and repeat the rollback"),
                 {{"table", table.key.SqlName()}});
}

absl::Status TableReplaced(const Table& table, const Snapshot& target) {
  return FailedPrecondition(
      "TABLE_REPLACED",
      absl::StrCat(table.key.SqlName(), " was replaced since snapshot ", target.id,
                   ", whose files have other columns; CREATE OR REPLACE TABLE … AS SELECT * FROM ",
                   table.key.SqlName(), " AT (VERSION => ", target.id, ") brings it back"),
      {{"table", table.key.SqlName()}});
}

// A column that `before` has as an integer and `now` as a double.
struct BecameDouble {
  std::string path;
  int field_id = 0;
  bool nested = false;
};

void CollectBecameDouble(const std::vector<Field>& before, const std::vector<Field>& now,
                         const std::string& prefix, std::vector<BecameDouble>& found) {
  for (const Field& old : before) {
    for (const Field& field : now) {
      if (field.id != old.id) continue;
      const std::string path = prefix + field.name;
      if (old.type.kind == TypeKind::kLong && field.type.kind == TypeKind::kDouble) {
        found.push_back({path, field.id, !prefix.empty()});
      }
      CollectBecameDouble(old.fields, field.fields, path + ".", found);
    }
  }
}

// The live files were all written with the columns `before`.
absl::Status CheckReadExactly(TableStore& store, const Table& table,
                              const std::vector<Field>& before) {
  std::vector<BecameDouble> columns;
  CollectBecameDouble(before, table.definition.schema.fields, "", columns);
  for (const BecameDouble& column : columns) {
    const std::optional<std::string> file = store.FindFileBeyond(
        table.uid, column.field_id, /*may_be_missing=*/!column.nested, kMaxExactDouble);
    if (!file) continue;
    return FailedPrecondition(
        "WIDENING_INEXACT",
        absl::StrCat("column ", column.path, " of ", table.key.SqlName(),
                     " has become a double since, and the bounds of ", *file,
                     " do not say that its integers lie within ", kMaxExactDouble,
                     " (2^53), beyond which a double bends them; read the snapshot AT its version, "
                     "which has its own columns"),
        {{"table", table.key.SqlName()}, {"column", column.path}});
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Snapshot> RollBack(Transaction& txn, const Actor& actor,
                                  const RollbackRequest& request) {
  if (request.to.empty()) {
    return InvalidFields({{"to", "is a snapshot's id, a time or a tag"}});
  }
  TARN_ASSIGN_OR_RETURN(const Table table, TableManager(txn).Lock(request.table));
  TARN_RETURN_IF_ERROR(CheckManaged(table));
  TARN_ASSIGN_OR_RETURN(const Snapshot target, FindSnapshot(txn, table, request.to));
  TARN_RETURN_IF_ERROR(CheckBase(table, request.base_snapshot_id));
  if (target.id == table.current_snapshot->id) return target;
  TableStore store(txn);
  if (store.WasReplaced(table.uid, target.schema_id, table.definition.schema.schema_id))
    return TableReplaced(table, target);
  TARN_ASSIGN_OR_RETURN(const TableDefinition before,
                        store.DefinitionOf(table.uid, target.schema_id));

  std::map<std::string, std::string> summary = {{"rollback-to", std::to_string(target.id)}};
  if (!request.to.tag.empty()) summary["tag"] = request.to.tag;
  const Snapshot made = store.RollBack(
      table.uid, target.sequence_number,
      request.request_id.empty() ? absl::StrCat("rollback-", NewUuid()) : request.request_id,
      summary, actor.user, actor.request_id);
  // After the change: what is live now is what the target had.
  TARN_RETURN_IF_ERROR(CheckReadExactly(store, table, before.schema.fields));
  txn.NotifyAfterCommit(std::string(events::kChannel));
  return made;
}

}  // namespace tarn::catalog

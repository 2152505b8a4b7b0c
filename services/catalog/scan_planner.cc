#include "services/catalog/scan_planner.h"

#include <absl/strings/numbers.h>

#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/catalog/table_manager.h"
#include "services/catalog/table_store.h"

namespace tarn::catalog {
namespace {

absl::Status SnapshotNotFound(const Table& table, const std::string& which) {
  return NotFound("SNAPSHOT_NOT_FOUND",
                  "table " + table.key.SqlName() + " has no snapshot " + which +
                      "; it never had one, or it has expired",
                  {{"table", table.key.SqlName()}, {"snapshot", which}});
}

// The snapshot to read; nothing for the table before its first commit.
absl::StatusOr<std::optional<Snapshot>> ChooseSnapshot(Transaction& txn, const Table& table,
                                                       const ScanRequest& request) {
  TableStore store(txn);
  if (request.snapshot_id != 0) {
    std::optional<Snapshot> snapshot = store.FindSnapshot(table.uid, request.snapshot_id);
    if (!snapshot) return SnapshotNotFound(table, std::to_string(request.snapshot_id));
    return snapshot;
  }
  if (request.as_of_time) {
    std::optional<Snapshot> snapshot = store.FindSnapshotAt(table.uid, *request.as_of_time);
    if (!snapshot) return SnapshotNotFound(table, "at " + absl::FormatTime(*request.as_of_time));
    return snapshot;
  }
  return table.current_snapshot;
}

}  // namespace

absl::StatusOr<Snapshot> FindSnapshot(Transaction& txn, const Table& table, const std::string& id) {
  int64_t number = 0;
  if (!absl::SimpleAtoi(id, &number)) return SnapshotNotFound(table, id);
  std::optional<Snapshot> snapshot = TableStore(txn).FindSnapshot(table.uid, number);
  if (!snapshot) return SnapshotNotFound(table, id);
  return *std::move(snapshot);
}

absl::StatusOr<ScanPlan> PlanFiles(Transaction& txn, const ScanRequest& request,
                                   LiveFileCache* cache) {
  TARN_ASSIGN_OR_RETURN(Table table, TableManager(txn).Get(request.key));
  if (table.type == TableType::kView) {
    return InvalidArgument("WRONG_OPERATION",
                           table.key.SqlName() + " is a view: it has no files, query its SQL",
                           {{"table", table.key.SqlName()}});
  }
  TARN_ASSIGN_OR_RETURN(const std::optional<Snapshot> snapshot,
                        ChooseSnapshot(txn, table, request));
  ScanPlan plan;
  if (snapshot) {
    TableStore store(txn);
    const bool current = snapshot->id == table.current_snapshot->id;
    if (!current) {
      TARN_ASSIGN_OR_RETURN(table.definition, store.DefinitionOf(table.uid, snapshot->schema_id));
      table.current_snapshot = snapshot;
      table.statistics = {snapshot->total_rows, snapshot->total_files, snapshot->total_bytes};
    }
    const ScanPruner pruner(table.definition, request.predicates);
    const bool with_statistics = !request.predicates.empty();
    if (const std::shared_ptr<const LiveFiles> live =
            current && cache != nullptr ? cache->Get(txn, table) : nullptr) {
      plan.total_files = live->count();
      live->Visit(pruner, [&](DataFile file) {
        if (!with_statistics) file.columns.clear();
        plan.files.push_back(std::move(file));
      });
    } else {
      store.VisitFiles(table.uid, snapshot->sequence_number, with_statistics, [&](DataFile file) {
        ++plan.total_files;
        if (pruner.MayMatch(file)) plan.files.push_back(std::move(file));
      });
    }
  }
  plan.table = std::move(table);
  return plan;
}

}  // namespace tarn::catalog

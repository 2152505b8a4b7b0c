#include "services/catalog/scan_planner.h"

#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/catalog/table_manager.h"
#include "services/catalog/table_store.h"

namespace tarn::catalog {

absl::StatusOr<ScanPlan> PlanFiles(Transaction& txn, const ScanRequest& request,
                                   LiveFileCache* cache) {
  TARN_ASSIGN_OR_RETURN(Table table, TableManager(txn).Get(request.key));
  if (table.type == TableType::kView) {
    return InvalidArgument("WRONG_OPERATION",
                           table.key.SqlName() + " is a view: it has no files, query its SQL",
                           {{"table", table.key.SqlName()}});
  }
  TARN_ASSIGN_OR_RETURN(const std::optional<Snapshot> snapshot,
                        FindSnapshotOrNone(txn, table, request.at));
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

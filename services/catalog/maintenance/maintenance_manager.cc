#include "services/catalog/maintenance/maintenance_manager.h"

#include "common/ids/ids.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/catalog/maintenance/maintenance_store.h"
#include "services/catalog/table_manager.h"

namespace tarn::catalog {

absl::StatusOr<MaintenanceJob> MaintenanceManager::Start(const Actor& actor, MaintenanceJob job) {
  TARN_ASSIGN_OR_RETURN(const Table table, TableManager(txn_).Get(job.table));
  if (table.type != TableType::kManaged) {
    return InvalidArgument("WRONG_OPERATION",
                           job.table.SqlName() +
                               " is no managed table: only Tarn's own files are "
                               "put together or removed",
                           {{"table", job.table.SqlName()}});
  }
  if (job.target_file_bytes == 0) job.target_file_bytes = kDefaultTargetFileBytes;
  if (job.target_file_bytes < kMinTargetFileBytes || job.target_file_bytes > kMaxTargetFileBytes) {
    return InvalidFields({{"target_file_bytes", "is 1 MiB to 4 GiB"}});
  }
  job.id = NewUuid();
  job.table_uid = table.uid;
  job.owner = actor.user;
  MaintenanceStore(txn_).Insert(job);
  return Get(job.table, job.id);
}

absl::StatusOr<MaintenanceJob> MaintenanceManager::Get(const TableKey& table,
                                                       const std::string& id) {
  std::optional<MaintenanceJob> job = MaintenanceStore(txn_).Find(table.workspace, id);
  if (job && job->table == table) return *std::move(job);
  return NotFound("JOB_NOT_FOUND", "table " + table.SqlName() + " has no maintenance job " + id,
                  {{"table", table.SqlName()}, {"job", id}});
}

absl::StatusOr<MaintenanceJob> MaintenanceManager::Cancel(const TableKey& table,
                                                          const std::string& id) {
  TARN_RETURN_IF_ERROR(Get(table, id).status());
  MaintenanceStore(txn_).RequestCancel(table.workspace, id);
  return Get(table, id);
}

absl::StatusOr<std::vector<MaintenanceJob>> MaintenanceManager::List(const TableKey& table,
                                                                     const std::string& before,
                                                                     int limit) {
  TARN_ASSIGN_OR_RETURN(const Table found, TableManager(txn_).Get(table));
  if (!before.empty() && !IsUuid(before)) {
    return InvalidArgument("INVALID_PAGE_TOKEN", "the page token is damaged");
  }
  return MaintenanceStore(txn_).List(found.uid, before, limit);
}

}  // namespace tarn::catalog

// The rules of starting maintenance jobs. Works in the caller's transaction.
#pragma once

#include <string>
#include <vector>

#include <absl/status/statusor.h>

#include "common/postgres/transaction.h"
#include "services/catalog/actor.h"
#include "services/catalog/maintenance/maintenance_job.h"

namespace tarn::catalog {

class MaintenanceManager {
 public:
  explicit MaintenanceManager(Transaction& txn) : txn_(txn) {}

  // `job` says table, kind, size (0: the default) and partitions. INVALID_ARGUMENT INVALID_FIELD,
  // WRONG_OPERATION for what is no managed table; NOT_FOUND TABLE_NOT_FOUND.
  absl::StatusOr<MaintenanceJob> Start(const Actor& actor, MaintenanceJob job);
  // NOT_FOUND JOB_NOT_FOUND.
  absl::StatusOr<MaintenanceJob> Get(const TableKey& table, const std::string& id);
  // Asks a job to stop; as it stands then. Nothing happens to one that has ended. NOT_FOUND
  // JOB_NOT_FOUND.
  absl::StatusOr<MaintenanceJob> Cancel(const TableKey& table, const std::string& id);
  absl::StatusOr<std::vector<MaintenanceJob>> List(const TableKey& table, const std::string& before,
                                                   int limit);

 private:
  Transaction& txn_;
};

}  // namespace tarn::catalog

// Maintenance jobs in PostgreSQL. Runs SQL in the caller's transaction, as Transaction::Exec does;
// no state.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <absl/status/status.h>

#include "common/lease/lease.h"
#include "common/postgres/transaction.h"
#include "services/catalog/maintenance/maintenance_job.h"

namespace tarn::catalog {

// CANCELLED JOB_CANCELLED: the error of a job that somebody asked to stop.
absl::Status JobCancelled();

class MaintenanceStore {
 public:
  explicit MaintenanceStore(Transaction& txn) : txn_(txn) {}

  void Insert(const MaintenanceJob& job);
  std::optional<MaintenanceJob> Find(const std::string& workspace, const std::string& id);
  // The newest first, those before `before` (a job's id, or empty).
  std::vector<MaintenanceJob> List(const std::string& table_uid, const std::string& before,
                                   int limit);

  // One that waits is over at once; one that runs is told by CancelRequested.
  void RequestCancel(const std::string& workspace, const std::string& id);
  // Also of a job that is gone.
  bool CancelRequested(const std::string& workspace, const std::string& id);

  // A job that waits, or whose worker is dead; it runs from now on.
  std::optional<Lease> Claim(const std::string& holder, absl::Duration ttl);
  static LeaseTable Leases() { return {"catalog.maintenance_jobs", {"workspace", "job"}}; }
  // `error`: OK for SUCCEEDED, CANCELLED for a job that was asked to stop, else FAILED.
  void Finish(const std::string& workspace, const MaintenanceJob& job, const absl::Status& error);

 private:
  Transaction& txn_;
};

}  // namespace tarn::catalog

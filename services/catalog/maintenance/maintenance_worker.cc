#include "services/catalog/maintenance/maintenance_worker.h"

#include "common/failpoint/failpoint.h"
#include "common/lease/lease_keeper.h"
#include "common/logging/logging.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/catalog/maintenance/compactor.h"
#include "services/catalog/maintenance/maintenance_store.h"
#include "services/catalog/maintenance/snapshot_expirer.h"

namespace tarn::catalog {

absl::Status MaintenanceWorker::Work(MaintenanceJob& job, const std::function<bool()>& stop) {
  if (job.kind == MaintenanceKind::kCompact) return Compactor(pool_, lake_, engine_).Run(job, stop);
  return pool_.Run([&](Transaction& txn) { return ExpireSnapshots(txn, job.table).status(); });
}

bool MaintenanceWorker::CancelRequested(const Lease& lease) {
  const absl::StatusOr<bool> requested =
      pool_.RunAutocommit([&](Transaction& txn) -> absl::StatusOr<bool> {
        return MaintenanceStore(txn).CancelRequested(lease.key[0], lease.key[1]);
      });
  return requested.ok() && *requested;
}

absl::StatusOr<bool> MaintenanceWorker::RunOne(const std::atomic<bool>& stop) {
  std::optional<MaintenanceJob> job;
  TARN_ASSIGN_OR_RETURN(const std::optional<Lease> lease,
                        pool_.Run([&](Transaction& txn) -> absl::StatusOr<std::optional<Lease>> {
                          MaintenanceStore store(txn);
                          std::optional<Lease> claimed = store.Claim(holder_, lease_);
                          if (claimed) job = store.Find(claimed->key[0], claimed->key[1]);
                          return claimed;
                        }));
  if (!lease) return false;
  if (!job) return true;  // its table was removed just now, and the job with it
  TARN_FAILPOINT("catalog.maintenance.claimed");

  LeaseKeeper keeper(pool_, MaintenanceStore::Leases(), *lease, lease_);
  bool cancelled = false;
  // Asked between files, so not often; whoever cannot be asked goes on.
  const auto should_stop = [&] {
    cancelled = cancelled || CancelRequested(*lease);
    return cancelled || keeper.lost() || stop;
  };
  absl::Status worked = should_stop() ? JobCancelled() : Work(*job, should_stop);
  if (duckdb::IsEngineFatal(worked)) engine_.Discard();
  if (cancelled && absl::IsCancelled(worked)) worked = JobCancelled();
  // Stopped by nobody who wanted the job to end: another worker takes it up.
  const bool later =
      (absl::IsCancelled(worked) && !cancelled) || absl::IsUnavailable(worked) || keeper.lost();
  TARN_RETURN_IF_ERROR(pool_.Run([&](Transaction& txn) -> absl::Status {
    const absl::Status held = CheckLease(txn, MaintenanceStore::Leases(), *lease);
    if (!held.ok()) return absl::OkStatus();  // another worker has it, or its table is gone
    if (later) return Release(txn, MaintenanceStore::Leases(), *lease);
    MaintenanceStore(txn).Finish(lease->key[0], *job, worked);
    return absl::OkStatus();
  }));
  if (later) {
    if (absl::IsUnavailable(worked)) return worked;
    return true;
  }
  metrics_.maintenance_jobs
      .With({job->kind == MaintenanceKind::kCompact ? "compact" : "expire_snapshots",
             worked.ok()                 ? "succeeded"
             : absl::IsCancelled(worked) ? "cancelled"
                                         : "failed"})
      .Increment();
  logging::Info("catalog", "maintenance job ended",
                {{"table", job->table.SqlName()},
                 {"job", job->id},
                 {"ok", worked.ok()},
                 {"files_before", job->files_before},
                 {"files_after", job->files_after}});
  return true;
}

}  // namespace tarn::catalog

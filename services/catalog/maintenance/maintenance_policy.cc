#include "services/catalog/maintenance/maintenance_policy.h"

#include "common/ids/ids.h"
#include "services/catalog/maintenance/compaction_planner.h"
#include "services/catalog/maintenance/maintenance_job.h"
#include "services/catalog/maintenance/maintenance_store.h"
#include "services/catalog/maintenance/snapshot_expirer.h"

namespace tarn::catalog {
namespace {

// The smaller tier first: what it makes is what the larger one waits for.
constexpr int64_t kTierBytes[] = {16LL << 20, kDefaultTargetFileBytes};

// Managed tables that changed within the last ten minutes, have files enough, and wait for no
// compaction.
const char kCompactionCandidates[] =
    "SELECT t.uid, t.workspace, t.database, t.name, t.owner FROM catalog.tables t "
    "JOIN catalog.table_heads h ON h.table_uid = t.uid "
    "WHERE t.type = 1 AND h.total_files >= $1 AND h.commit_time > now() - interval '10 minutes' "
    "AND coalesce(t.properties->>'tarn.compaction.enabled', 'true') <> 'false' "
    "AND NOT EXISTS (SELECT FROM catalog.maintenance_jobs j WHERE j.table_uid = t.uid "
    "AND j.kind = 1 AND j.state <= 2) ORDER BY h.total_files DESC LIMIT 100";

// Files that would be put together: those below the planner's limit that are not alone in their
// partition.
const char kMergeableFiles[] =
    "SELECT coalesce(sum(files), 0)::bigint AS files FROM (SELECT count(*) AS files FROM "
    "catalog.data_files WHERE table_uid = $1 AND removed_seq IS NULL AND byte_count <= $2 "
    "GROUP BY partition HAVING count(*) > 1) g";

const char kExpiryCandidates[] =
    "SELECT t.uid, t.workspace, t.database, t.name, t.owner FROM catalog.tables t "
    "WHERE t.type = 1 AND (SELECT count(*) FROM (SELECT FROM catalog.snapshots s WHERE "
    "s.table_uid = t.uid LIMIT $1 + 1) s) > $1 AND EXISTS (SELECT FROM catalog.snapshots s WHERE "
    "s.table_uid = t.uid AND s.commit_time < now() - $2 * interval '1 second') "
    "AND NOT EXISTS (SELECT FROM catalog.maintenance_jobs j WHERE j.table_uid = t.uid "
    "AND j.kind = 2 AND j.state <= 2)";

MaintenanceJob JobFor(const Row& table, MaintenanceKind kind, int64_t target_file_bytes) {
  return {.id = NewUuid(),
          .table = {table.Get<std::string>("workspace"), table.Get<std::string>("database"),
                    table.Get<std::string>("name")},
          .table_uid = table.Get<std::string>("uid"),
          .kind = kind,
          .target_file_bytes = target_file_bytes,
          .owner = table.Get<std::string>("owner")};
}

// Of several instances one looks at a time: nobody starts what another has just started.
void TakeTurn(Transaction& txn) {
  txn.Exec("SELECT pg_advisory_xact_lock(hashtext('catalog.maintenance_policy'))");
}

}  // namespace

absl::StatusOr<int> MaintenancePolicy::StartCompactions() {
  return pool_.Run([&](Transaction& txn) -> absl::StatusOr<int> {
    TakeTurn(txn);
    int started = 0;
    for (const Row table : txn.Exec(kCompactionCandidates, kCompactionMinFiles)) {
      for (const int64_t target : kTierBytes) {
        const Result files =
            txn.Exec(kMergeableFiles, table.Get<std::string>("uid"), MergeableBytes(target));
        if (files[0].Get<int64_t>("files") < kCompactionMinFiles) continue;
        MaintenanceStore(txn).Insert(JobFor(table, MaintenanceKind::kCompact, target));
        ++started;
        break;
      }
    }
    return started;
  });
}

absl::StatusOr<int> MaintenancePolicy::StartExpiries() {
  return pool_.Run([&](Transaction& txn) -> absl::StatusOr<int> {
    TakeTurn(txn);
    int started = 0;
    // The rule itself may keep more; what it can never remove is not looked at.
    for (const Row table :
         txn.Exec(kExpiryCandidates, int64_t{1}, absl::ToInt64Seconds(kMinSnapshotAge))) {
      MaintenanceStore(txn).Insert(
          JobFor(table, MaintenanceKind::kExpireSnapshots, kDefaultTargetFileBytes));
      ++started;
    }
    return started;
  });
}

absl::StatusOr<int> MaintenancePolicy::ForgetJobs() {
  return pool_.Run([&](Transaction& txn) -> absl::StatusOr<int> {
    const Result gone = txn.Exec(
        "DELETE FROM catalog.maintenance_jobs WHERE (workspace, job) IN (SELECT workspace, job "
        "FROM catalog.maintenance_jobs WHERE state > 2 AND end_time < now() - interval '7 days' "
        "LIMIT 1000) RETURNING job");
    return static_cast<int>(gone.size());
  });
}

}  // namespace tarn::catalog

// Starts the maintenance that tables need without being asked for it.
//
// Compaction: when a managed table has many small files that can be put together, in two tiers, so
// that a row is rewritten about twice however often a stream commits: files below 12 MiB become
// files of 16 MiB, files below 192 MiB become files of 256 MiB. A table's property
// `tarn.compaction.enabled` = `false` leaves it alone.
// Expiry: every table that has more snapshots than it keeps is looked through by its own rule
// (snapshot_expirer.h).
// Jobs that ended a week ago are forgotten.
//
// The jobs act as their tables' owners. Several instances may run it: a table has at most one
// waiting or running job of a kind from here. Thread safe.
#pragma once

#include <cstdint>

#include <absl/status/statusor.h>

#include "common/postgres/postgres_pool.h"

namespace tarn::catalog {

// A tier is compacted when so many files below its limit share a partition with another one.
inline constexpr int64_t kCompactionMinFiles = 32;

class MaintenancePolicy {
 public:
  explicit MaintenancePolicy(PostgresPool& pool) : pool_(pool) {}

  // The number of compactions that were started. Looks only at tables that have changed of late.
  absl::StatusOr<int> StartCompactions();
  // The number of expiries that were started.
  absl::StatusOr<int> StartExpiries();
  // The number of jobs that were forgotten; at most 1,000 at once.
  absl::StatusOr<int> ForgetJobs();

 private:
  PostgresPool& pool_;
};

}  // namespace tarn::catalog

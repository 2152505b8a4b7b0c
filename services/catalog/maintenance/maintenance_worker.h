// Takes maintenance jobs that wait, or whose worker is dead, and runs them. Thread safe.
#pragma once

#include <atomic>
#include <string>

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "common/duckdb/lazy_database.h"
#include "common/lake/lake_paths.h"
#include "common/lease/lease.h"
#include "common/postgres/postgres_pool.h"
#include "services/catalog/catalog_metrics.h"
#include "services/catalog/maintenance/maintenance_job.h"

namespace tarn::catalog {

class MaintenanceWorker {
 public:
  MaintenanceWorker(PostgresPool& pool, const lake::LakePaths& lake, duckdb::LazyDatabase& engine,
                    CatalogMetrics& metrics, std::string holder, absl::Duration lease)
      : pool_(pool),
        lake_(lake),
        engine_(engine),
        metrics_(metrics),
        holder_(std::move(holder)),
        lease_(lease) {}

  // Runs one job to its end; false when none waits. An error is PostgreSQL's: the job is taken up
  // again later. `stop` ends the job early, to be taken up by another worker.
  absl::StatusOr<bool> RunOne(const std::atomic<bool>& stop);

 private:
  bool CancelRequested(const Lease& lease);
  absl::Status Work(MaintenanceJob& job, const std::function<bool()>& stop);

  PostgresPool& pool_;
  const lake::LakePaths& lake_;
  duckdb::LazyDatabase& engine_;
  CatalogMetrics& metrics_;
  const std::string holder_;
  const absl::Duration lease_;
};

}  // namespace tarn::catalog

// Puts small files of a managed table together: reads them with the table's present columns, writes
// them as one each, sorted where the table has an order, and commits the replacement. Readers and
// appends go on meanwhile; when another change took one of the files away, it plans anew.
// Thread safe.
#pragma once

#include <functional>
#include <vector>

#include <absl/status/statusor.h>

#include "common/duckdb/lazy_database.h"
#include "common/lake/data_file.h"
#include "common/lake/lake_paths.h"
#include "common/postgres/postgres_pool.h"
#include "services/catalog/maintenance/compaction_planner.h"
#include "services/catalog/maintenance/maintenance_job.h"
#include "services/catalog/schema.h"

namespace tarn::catalog {

// What is known of a written file's columns and nested fields, by their ids.
std::vector<ColumnStatistics> StatisticsOf(const lake::WrittenFile& file,
                                           const std::vector<Field>& fields);

class Compactor {
 public:
  Compactor(PostgresPool& pool, const lake::LakePaths& lake, duckdb::LazyDatabase& engine)
      : pool_(pool), lake_(lake), engine_(engine) {}

  // Sets the job's counts. CANCELLED, with nothing committed, soon after `stop` is true; it is
  // asked by one thread at a time. ABORTED COMMIT_CONFLICT when the table changed under it time and
  // again.
  absl::Status Run(MaintenanceJob& job, const std::function<bool()>& stop);

 private:
  absl::Status Attempt(MaintenanceJob& job, int attempt, const std::function<bool()>& stop);
  absl::StatusOr<std::vector<DataFile>> Rewrite(const Table& table, const CompactionGroup& group,
                                                const MaintenanceJob& job,
                                                const std::function<bool()>& stop);
  // Gives the files that were written in the group's place the origins of its files.
  absl::Status KeepOrigins(const Table& table, const CompactionGroup& group,
                           std::vector<DataFile>& files);

  PostgresPool& pool_;
  const lake::LakePaths& lake_;
  duckdb::LazyDatabase& engine_;
};

}  // namespace tarn::catalog

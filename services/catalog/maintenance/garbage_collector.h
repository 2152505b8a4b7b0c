// What happens by itself, now and then: old snapshots of every table expire, files and folders that
// nothing names any more are removed from the lake, stored responses are forgotten. Several
// processes may do so at once. Thread safe.
#pragma once

#include <absl/status/status.h>

#include "common/lake/lake_paths.h"
#include "common/postgres/postgres_pool.h"
#include "services/catalog/catalog_metrics.h"

namespace tarn::catalog {

class GarbageCollector {
 public:
  GarbageCollector(PostgresPool& pool, const lake::LakePaths& lake, CatalogMetrics& metrics)
      : pool_(pool), lake_(lake), metrics_(metrics) {}

  // One round. Goes on past a table or a file that fails; the first error is returned.
  absl::Status Run();

 private:
  absl::Status ExpireAll();
  absl::Status RemoveGarbage();

  PostgresPool& pool_;
  const lake::LakePaths& lake_;
  CatalogMetrics& metrics_;
};

}  // namespace tarn::catalog

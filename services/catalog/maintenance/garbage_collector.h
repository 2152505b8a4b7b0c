// What happens by itself, now and then: old snapshots of every table expire, files and folders that
// nothing names any more are removed from the lake, stored responses are forgotten. Several
// processes may do so at once.
//
// A collector that is slow may still remove a dropped table's folder after another one has. Until
// kTombstoneAge has passed, the folder's row stays in catalog.garbage, and no table that is made
// again with the same uid, and no commit, can put files there.
//
// Thread safe.
#pragma once

#include <string>

#include <absl/status/status.h>
#include <absl/time/time.h>

#include "common/lake/lake_paths.h"
#include "common/postgres/postgres_pool.h"
#include "services/catalog/catalog_metrics.h"

namespace tarn::catalog {

inline constexpr absl::Duration kTombstoneAge = absl::Hours(24);

class GarbageCollector {
 public:
  GarbageCollector(PostgresPool& pool, const lake::LakePaths& lake, CatalogMetrics& metrics)
      : pool_(pool), lake_(lake), metrics_(metrics) {}

  // One round. Goes on past a table or a file that fails; the first error is returned.
  absl::Status Run();

 private:
  absl::Status ExpireAll();
  struct Garbage {
    std::string workspace;
    std::string path;
    absl::Time delete_after;
  };

  absl::Status RemoveGarbage();
  absl::Status Remove(const Garbage& item);
  absl::Status RemoveTombstones();

  PostgresPool& pool_;
  const lake::LakePaths& lake_;
  CatalogMetrics& metrics_;
};

}  // namespace tarn::catalog

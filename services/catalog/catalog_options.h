// The options of the catalog, with all their defaults.
#pragma once

#include <cstdint>

#include <absl/time/time.h>

#include "common/config/option_value.h"

namespace tarn::config {
class OptionSet;
}

namespace tarn::catalog {

struct CatalogOptions {
  int64_t postgres_connections = 16;
  // Crawls and maintenance jobs that run at the same time.
  int64_t crawl_workers = 1;
  int64_t maintenance_workers = 1;
  // Of the engine that crawls and compactions share.
  config::ByteSize engine_memory{1LL << 30};
  int64_t engine_threads = 2;
  // What is kept of the files of tables that are scanned.
  config::ByteSize scan_cache{256LL << 20};
  // How long a dead worker's job waits for another one.
  absl::Duration lease = absl::Seconds(30);
  absl::Duration poll_interval = absl::Seconds(1);
  // How often tables are looked through for small files to put together; expiry of snapshots.
  absl::Duration compaction_interval = absl::Seconds(5);
  absl::Duration expiry_interval = absl::Hours(1);
  absl::Duration garbage_interval = absl::Minutes(10);
  // How often folders of tables are looked through for what killed writers left, and how long it
  // must have lain there: longer than any statement, delivery or compaction takes.
  absl::Duration orphan_interval = absl::Hours(6);
  absl::Duration orphan_grace = absl::Hours(24);
  // Files that cannot be read, in one crawl's report.
  int64_t max_problems = 20;
};

void RegisterOptions(config::OptionSet& set, CatalogOptions* options);

}  // namespace tarn::catalog

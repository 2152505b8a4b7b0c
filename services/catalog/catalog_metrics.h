// The catalog's own metrics; those of its RPCs come from common/rpc.
#pragma once

#include "common/metrics/metrics.h"

namespace tarn::catalog {

struct CatalogMetrics {
  explicit CatalogMetrics(Metrics& metrics);

  CounterFamily commits;     // operation, outcome
  Counter& planned_files;    // given out by PlanScan
  Counter& pruned_files;     // left out by PlanScan
  CounterFamily file_reads;  // by scans, of what: nothing, changes, all, uncached
  Gauge& scan_cache_bytes;
  CounterFamily crawls;  // outcome
  Histogram& crawl_seconds;
  CounterFamily maintenance_jobs;  // kind, state
  Counter& garbage_removed;
  CounterFamily orphans;  // kind: file, folder, staging
};

}  // namespace tarn::catalog

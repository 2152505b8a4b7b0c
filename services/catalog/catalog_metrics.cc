#include "services/catalog/catalog_metrics.h"

namespace tarn::catalog {

CatalogMetrics::CatalogMetrics(Metrics& metrics)
    : commits(metrics.AddCounters("tarn_catalog_commits_total",
                                  "Commits of tables, by operation and outcome.",
                                  {"operation", "outcome"})),
      planned_files(
          metrics.AddCounter("tarn_catalog_planned_files_total", "Files that scans were given.")),
      pruned_files(
          metrics.AddCounter("tarn_catalog_pruned_files_total", "Files that scans were spared.")),
      file_reads(metrics.AddCounters("tarn_catalog_file_reads_total",
                                     "Scans of current snapshots, by what they read from "
                                     "PostgreSQL: nothing, changes, all, or all past the cache "
                                     "(uncached).",
                                     {"read"})),
      scan_cache_bytes(metrics.AddGauge("tarn_catalog_scan_cache_bytes",
                                        "Memory of the files that are kept for scans.")),
      crawls(metrics.AddCounters("tarn_catalog_crawls_total", "Crawls that ended, by outcome.",
                                 {"outcome"})),
      crawl_seconds(metrics.AddHistogram("tarn_catalog_crawl_seconds", "Duration of crawls.")),
      maintenance_jobs(metrics.AddCounters("tarn_catalog_maintenance_jobs_total",
                                           "Maintenance jobs that ended, by kind and state.",
                                           {"kind", "state"})),
      garbage_removed(metrics.AddCounter("tarn_catalog_garbage_removed_total",
                                         "Files and folders that nothing named any more.")),
      orphans(metrics.AddCounters("tarn_catalog_orphans_total",
                                  "What killed writers left: files that no snapshot names, "
                                  "folders that are no table's, staging folders.",
                                  {"kind"})) {}

}  // namespace tarn::catalog

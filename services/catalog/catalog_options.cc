#include "services/catalog/catalog_options.h"

#include "common/config/option_set.h"

namespace tarn::catalog {

void RegisterOptions(config::OptionSet& set, CatalogOptions* options) {
  using config::MustBePositive;
  using config::MustBePositiveDuration;
  set.Add("catalog.postgres_connections", &options->postgres_connections,
          "connections to PostgreSQL at most", MustBePositive);
  set.Add("catalog.crawl_workers", &options->crawl_workers, "crawls that run at the same time",
          MustBePositive);
  set.Add("catalog.maintenance_workers", &options->maintenance_workers,
          "compactions and expiries that run at the same time", MustBePositive);
  set.Add("catalog.engine_memory", &options->engine_memory,
          "memory of the engine for crawls and compaction");
  set.Add("catalog.engine_threads", &options->engine_threads,
          "threads of the engine for crawls and compaction", MustBePositive);
  set.Add("catalog.scan_cache", &options->scan_cache,
          "memory for the files of tables that are scanned; a table that does not fit is read from "
          "PostgreSQL by each scan");
  set.Add("catalog.lease", &options->lease, "how long a dead worker's job waits for another one",
          MustBePositiveDuration);
  set.Add("catalog.poll_interval", &options->poll_interval,
          "how often workers look for jobs that nobody announced", MustBePositiveDuration);
  set.Add("catalog.compaction_interval", &options->compaction_interval,
          "how often tables that changed are looked through for small files to put together",
          MustBePositiveDuration);
  set.Add("catalog.expiry_interval", &options->expiry_interval,
          "how often old snapshots are expired", MustBePositiveDuration);
  set.Add("catalog.garbage_interval", &options->garbage_interval,
          "how often files that nothing names are removed", MustBePositiveDuration);
  set.Add("catalog.orphan_interval", &options->orphan_interval,
          "how often folders of tables are looked through for what killed writers left",
          MustBePositiveDuration);
  set.Add("catalog.orphan_grace", &options->orphan_grace,
          "how long such files must have lain there: longer than any statement takes",
          [](const absl::Duration& grace) {
            return grace >= absl::Hours(1) ? absl::OkStatus()
                                           : absl::InvalidArgumentError("must be 1h or more");
          });
  set.Add("catalog.max_problems", &options->max_problems,
          "files that cannot be read, in one crawl's report", MustBePositive);
}

}  // namespace tarn::catalog

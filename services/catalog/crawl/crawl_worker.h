// Takes crawls that wait, or whose worker is dead, runs them and commits what they found: table,
// columns, files, the crawl's end and its events in one transaction under the crawl's lease. Of a
// dry run it commits what would have changed, and nothing else.
//
// Thread safe. A crawl that loses its lease commits nothing.
#pragma once

#include <atomic>
#include <string>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "common/postgres/postgres_pool.h"
#include "services/catalog/catalog_metrics.h"
#include "services/catalog/crawl/crawl_runner.h"
#include "services/catalog/crawl/crawler.h"

namespace tarn {
struct Lease;
}

namespace tarn::catalog {

struct CrawlWorkerOptions {
  std::string holder;  // unique to the process
  absl::Duration lease = absl::Seconds(30);
  size_t max_problems = 20;
};

class CrawlWorker {
 public:
  CrawlWorker(PostgresPool& pool, const lake::LakePaths& lake, duckdb::LazyDatabase& engine,
              CatalogMetrics& metrics, CrawlWorkerOptions options);

  // Runs one crawl to its end; false when none waits. An error is PostgreSQL's: the crawl is taken
  // up again later. `stop` ends the crawl early, to be taken up by another worker.
  absl::StatusOr<bool> RunOne(const std::atomic<bool>& stop);

 private:
  // A crawl that is under way.
  struct Work;

  absl::StatusOr<CrawlFindings> Find(Work& work, const std::function<bool()>& stop);
  // OK also for a crawl that failed; its outcome.
  absl::StatusOr<std::string> End(const Work& work, const absl::StatusOr<CrawlFindings>& found);
  bool CancelRequested(const Lease& lease);

  PostgresPool& pool_;
  const lake::LakePaths& lake_;
  duckdb::LazyDatabase& engine_;
  CatalogMetrics& metrics_;
  const CrawlWorkerOptions options_;
};

}  // namespace tarn::catalog

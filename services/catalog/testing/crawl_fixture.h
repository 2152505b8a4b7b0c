// A lake in a folder of its own, a crawler over it and a worker that runs its crawls, for tests.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tarn/catalog/v1/crawl_explanation_service.pb.h"

#include "common/metrics/metrics.h"
#include "common/testing/temp_dir.h"
#include "services/catalog/crawl/crawl_worker.h"
#include "services/catalog/testing/catalog_database.h"

namespace tarn::catalog {

class CrawlFixture {
 public:
  CrawlFixture();

  CatalogDatabase& catalog() { return catalog_; }
  const lake::LakePaths& lake() const { return *lake_; }
  duckdb::LazyDatabase& engine() { return engine_; }
  CatalogMetrics& metrics() { return metrics_; }
  const TempDir& folder() const { return folder_; }

  // Puts a file into the landing folder of d.t.
  void Put(const std::string& below, const std::string& content);
  void Remove(const std::string& below);

  // What crawlers are made with; a crawler that is there is changed before it runs again.
  Crawler& settings() { return settings_; }
  // Crawls landing/<path> into d.<table>; what became of it. Makes the crawler when needed.
  Crawl RunCrawl(const std::string& table = "t", const std::string& path = "d/t",
                 bool dry_run = false);
  Crawl DryRun() { return RunCrawl("t", "d/t", /*dry_run=*/true); }
  // The explanation of a column, by a crawl of d.t.
  v1::ColumnExplanation Explain(const Crawl& crawl, const std::string& column);
  // Rows of a SELECT over the present files of d.<table> (called `t` in the SQL), one text each,
  // columns divided by '|'.
  std::vector<std::string> Query(const std::string& sql, const std::string& table = "t");
  // "id long" for each column.
  std::vector<std::string> Columns(const std::string& table = "t");

 private:
  CatalogDatabase catalog_;
  TempDir folder_;
  std::optional<lake::LakePaths> lake_;
  Metrics registry_;
  CatalogMetrics metrics_{registry_};
  duckdb::LazyDatabase engine_{{.threads = 2}};
  Crawler settings_;
};

}  // namespace tarn::catalog

// A crawl without its record: reads a landing folder and says what table its files are. Touches the
// lake only (and there writes only Parquet copies of XML, which are garbage until they are
// committed), never PostgreSQL. One crawl a call; several threads may call.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <absl/status/statusor.h>

#include "common/duckdb/lazy_database.h"
#include "common/lake/lake_paths.h"
#include "services/catalog/crawl/landing_folder.h"
#include "services/catalog/crawl/scanned_file.h"
#include "services/catalog/table.h"

namespace tarn::catalog {

// What an earlier crawl learned of a file; good while size and time of the file are the same.
struct CrawledFile {
  std::string path;
  int64_t byte_count = 0;
  absl::Time modify_time;
  FileFormat format = FileFormat::kUnspecified;
  ScannedFile scanned;
  std::string derived_path;
};

struct CrawlInput {
  std::string workspace;
  std::string folder;  // relative to the workspace's landing area
  // What the crawler's owner says; the rest is found out.
  FileFormat format = FileFormat::kUnspecified;
  std::optional<CsvOptions> csv;
  std::string xml_row_element;
  // What the crawl before found, by path, and the definition that it led to.
  std::map<std::string, CrawledFile> known;
  std::optional<TableDefinition> current;
  size_t max_problems = 20;
};

struct CrawlFindings {
  TableDefinition definition;  // columns without ids
  std::vector<DataFile> files;
  std::vector<CrawledFile> crawled;
  int64_t changed_files = 0;
  int64_t row_count = 0;
  // Not empty: the rest is of no use.
  std::vector<FileProblem> problems;
};

class CrawlRunner {
 public:
  CrawlRunner(const lake::LakePaths& lake, duckdb::LazyDatabase& engine)
      : lake_(lake), engine_(engine) {}

  // `stop` is asked between files: true ends the crawl with CANCELLED. FAILED_PRECONDITION NO_FILES
  // when the folder is empty and there is no table yet.
  absl::StatusOr<CrawlFindings> Run(const CrawlInput& input, const std::function<bool()>& stop);

 private:
  const lake::LakePaths& lake_;
  duckdb::LazyDatabase& engine_;
};

}  // namespace tarn::catalog

// A crawl without its record: reads a landing folder and says what table its files are. Touches the
// lake only (and there writes only copies of files that the engine cannot read, which are garbage
// until they are committed), never PostgreSQL. One crawl a call; several threads may call.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <absl/status/statusor.h>

#include "common/duckdb/lazy_database.h"
#include "common/lake/lake_paths.h"
#include "services/catalog/crawl/column_explanation.h"
#include "services/catalog/crawl/crawler.h"
#include "services/catalog/crawl/scanned_file.h"
#include "services/catalog/table.h"

namespace tarn::catalog {

// What an earlier crawl learned of a file; good while the file has the same content.
struct CrawledFile {
  std::string path;
  int64_t byte_count = 0;
  absl::Time modify_time;
  // Whether the file was old enough when it was listed that a later change shows in its time.
  bool settled = false;
  FileFormat format = FileFormat::kUnspecified;
  ScannedFile scanned;
  std::string derived_path;

  friend bool operator==(const CrawledFile&, const CrawledFile&) = default;
};

struct CrawlInput {
  std::string workspace;
  std::string folder;  // relative to the workspace's landing area
  // What the crawler's owner says; the rest is found out.
  FileFormat format = FileFormat::kUnspecified;
  std::optional<CsvOptions> csv;
  std::string xml_row_element;
  CrawlOptions options;
  // What the crawl before found, by path, and the definition that it led to.
  std::map<std::string, CrawledFile> known;
  std::optional<TableDefinition> current;
  size_t max_problems = 20;
  // Nothing stays behind, copies included: the files found are not to be committed.
  bool dry_run = false;
};

struct CrawlFindings {
  TableDefinition
      definition;  // columns without ids; as the crawler's policy lets the table have it
  std::vector<DataFile> files;
  std::vector<CrawledFile> crawled;
  int64_t changed_files = 0;
  int64_t row_count = 0;
  // Files that are gone, of which the table goes on to know.
  int64_t missing_files = 0;
  // Between the present definition and that of the files, and files that are gone but stay.
  std::vector<CrawlChange> changes;
  std::vector<ColumnExplanation> explanations;
  // Not empty: the rest but the explanations is of no use.
  std::vector<FileProblem> problems;
};

class CrawlRunner {
 public:
  CrawlRunner(const lake::LakePaths& lake, duckdb::LazyDatabase& engine)
      : lake_(lake), engine_(engine) {}

  // `stop` is asked between files: true ends the crawl with CANCELLED. FAILED_PRECONDITION NO_FILES
  // when the folder is empty and there is no table yet; INVALID_ARGUMENT INVALID_PATTERN.
  absl::StatusOr<CrawlFindings> Run(const CrawlInput& input, const std::function<bool()>& stop);

 private:
  const lake::LakePaths& lake_;
  duckdb::LazyDatabase& engine_;
};

}  // namespace tarn::catalog

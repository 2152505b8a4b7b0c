// Crawlers and crawls. Plain values.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <absl/time/time.h>

#include "services/catalog/crawl/scanned_file.h"
#include "services/catalog/execution.h"
#include "services/catalog/table.h"

namespace tarn::catalog {

struct Crawl {
  std::string crawler;
  std::string id;
  Execution execution;
  bool cancel_requested = false;
  std::string requested_by;
  int64_t file_count = 0;
  int64_t changed_file_count = 0;
  int64_t row_count = 0;
  std::string outcome;  // created, schema_changed, files_changed, unchanged
  std::vector<FileProblem> problems;
};

struct Crawler {
  std::string id;
  TableKey table;
  std::string path;  // relative to the landing area
  FileFormat format = FileFormat::kUnspecified;
  std::optional<CsvOptions> csv;
  std::string xml_row_element;
  std::string comment;
  std::string owner;
  absl::Time create_time;
  absl::Time update_time;
  int64_t revision = 0;
  std::optional<Crawl> last_crawl;
};

}  // namespace tarn::catalog

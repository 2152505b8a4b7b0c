// Crawlers and crawls. Plain values.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <absl/time/time.h>

#include "services/catalog/crawl/crawl_change.h"
#include "services/catalog/crawl/scanned_file.h"
#include "services/catalog/crawl/text_encoding.h"
#include "services/catalog/execution.h"
#include "services/catalog/table.h"

namespace tarn::catalog {

// Stored by these numbers, which are those of the proto.
enum class SchemaChangePolicy { kUpdate = 1, kAddColumns = 2, kLog = 3 };
enum class DeletionPolicy { kRemove = 1, kLog = 2, kMark = 3 };
enum class RecrawlPolicy { kChanged = 1, kEverything = 2 };

// What the owner of a crawler says of it beyond its table, folder and format.
struct CrawlOptions {
  SchemaChangePolicy on_schema_change = SchemaChangePolicy::kUpdate;
  DeletionPolicy on_deletion = DeletionPolicy::kRemove;
  RecrawlPolicy recrawl = RecrawlPolicy::kChanged;
  std::vector<std::string> exclude;
  bool on_upload = false;
  TextEncoding encoding = TextEncoding::kUnspecified;
  std::string text_pattern;  // empty unless the format is text
  std::string line_comment;  // one character or none
  std::vector<std::string> partition_columns;

  friend bool operator==(const CrawlOptions&, const CrawlOptions&) = default;
};

struct Crawl {
  std::string crawler;
  std::string id;
  Execution execution;
  bool cancel_requested = false;
  bool dry_run = false;
  std::string requested_by;
  int64_t file_count = 0;
  int64_t changed_file_count = 0;
  int64_t row_count = 0;
  std::string outcome;  // created, schema_changed, files_changed, unchanged
  std::vector<FileProblem> problems;
  std::vector<CrawlChange> changes;  // the first ones
  int64_t change_count = 0;
};

struct Crawler {
  std::string id;
  TableKey table;
  std::string path;  // relative to the landing area
  FileFormat format = FileFormat::kUnspecified;
  std::optional<CsvOptions> csv;
  std::string xml_row_element;
  CrawlOptions options;
  std::string comment;
  std::string owner;
  absl::Time create_time;
  absl::Time update_time;
  int64_t revision = 0;
  std::optional<Crawl> last_crawl;
};

}  // namespace tarn::catalog

// What differs between a table and the files that a crawl found. Plain values and pure functions;
// any thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "services/catalog/table.h"

namespace tarn::catalog {

// Stored by these numbers, which are those of the proto.
enum class CrawlChangeKind {
  kCreateTable = 1,
  kAddColumn = 2,
  kChangeColumn = 3,
  kDropColumn = 4,
  kAddFile = 5,
  kReplaceFile = 6,
  kRemoveFile = 7,
  kChangeReading = 8,
};

struct CrawlChange {
  CrawlChangeKind kind = CrawlChangeKind::kCreateTable;
  std::string subject;
  std::string before;
  std::string after;
  // The policy for which the table does not follow: "on_schema_change"; empty when it does.
  std::string held_back_by;

  friend bool operator==(const CrawlChange&, const CrawlChange&) = default;
};

// How the columns, the partitions and the way of reading change from `before` to `after`. A column
// is found by its name.
std::vector<CrawlChange> CompareDefinitions(const TableDefinition& before,
                                            const TableDefinition& after);

// The change from the live files to those found.
struct FileDifference {
  std::vector<DataFile> added;
  std::vector<std::string> removed;
};

FileDifference CompareFiles(const std::vector<DataFile>& live, const std::vector<DataFile>& found);

// The same for people: a file that is removed and added has changed. Their paths without `root`.
std::vector<CrawlChange> DescribeFiles(const FileDifference& difference, const std::string& root);

}  // namespace tarn::catalog

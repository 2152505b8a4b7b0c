// Snapshots of a table and the files that they name. Plain values.
//
// A file belongs to the snapshots from the commit that added it up to the one before the commit
// that removed it, so that the files of snapshot s are those with added <= s and removed > s (or
// never).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <absl/time/time.h>

#include "services/catalog/history/file_origin.h"
#include "services/catalog/partition_spec.h"

namespace tarn::catalog {

// Stored by these numbers, which are those of the proto.
enum class SnapshotOperation {
  kAppend = 1,
  kOverwrite = 2,
  kReplace = 3,
  kDelete = 4,
  kCrawl = 5,
  kRollback = 6,
};

struct Snapshot {
  // Unique in its table, and never that of an earlier table of the same name: the upper bits stand
  // for the table's UUID, the lower 32 for the sequence number.
  int64_t id = 0;
  int64_t parent_id = 0;
  int64_t sequence_number = 0;
  absl::Time commit_time;
  SnapshotOperation operation = SnapshotOperation::kAppend;
  int schema_id = 0;
  std::string committed_by;
  int64_t added_files = 0;
  int64_t removed_files = 0;
  int64_t added_rows = 0;
  int64_t removed_rows = 0;
  int64_t total_files = 0;
  int64_t total_rows = 0;
  int64_t total_bytes = 0;
  std::map<std::string, std::string> summary;  // what the committer gave
};

struct ColumnStatistics {
  int field_id = 0;
  std::optional<int64_t> null_count;
  // Text as the engine prints it; no row lies outside of them.
  std::optional<std::string> lower_bound;
  std::optional<std::string> upper_bound;

  friend bool operator==(const ColumnStatistics&, const ColumnStatistics&) = default;
};

struct DataFile {
  std::string path;          // relative to the lake's root
  std::string derived_path;  // the Parquet copy that is read in its place, or empty
  int64_t row_count = -1;    // -1: not known
  int64_t byte_count = 0;
  PartitionTuple partition;
  std::vector<ColumnStatistics> columns;
  int64_t added_sequence_number = 0;
  std::optional<absl::Time> modify_time;  // of an external file
  // When the commit that added it was made; set by the store.
  std::optional<absl::Time> added_time;
  // What made its rows: given by whoever adds it, and read where origins are asked for.
  std::vector<FileOrigin> origins;

  friend bool operator==(const DataFile&, const DataFile&) = default;
};

struct FileTotals {
  int64_t file_count = 0;
  int64_t row_count = 0;  // -1: that of a file is not known
  int64_t byte_count = 0;

  friend bool operator==(const FileTotals&, const FileTotals&) = default;
};

}  // namespace tarn::catalog

// What is known of a Parquet file without opening it. Plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/lake/hive_partition.h"

namespace tarn::lake {

// Of one leaf column. Bounds are the engine's text of the value ("2026-01-31", "1.50", booleans "0"
// and "1", blobs in hex, TIMESTAMPTZ in UTC "2026-01-01 00:00:00+00"): a lower bound is at most the
// smallest value, an upper bound at least the largest (long text is cut and rounded up). NaN is in
// no bound. Missing where the engine gives none.
struct ColumnStats {
  // Names from the top; below lists "element", below maps "key" and "value".
  std::vector<std::string> path;
  std::optional<uint64_t> null_count;
  std::optional<uint64_t> value_count;  // nulls included
  std::optional<uint64_t> bytes;
  std::optional<std::string> lower;
  std::optional<std::string> upper;
  std::optional<bool> has_nan;

  // "s.x"; a name that holds a dot or a quote stands in double quotes, quotes doubled.
  std::string DottedPath() const;
};

struct DataFileStats {
  std::string path;
  uint64_t row_count = 0;
  uint64_t bytes = 0;
  std::vector<ColumnStats> columns;  // leaves, by path

  // The column of this dotted path, or nullptr.
  const ColumnStats* Find(std::string_view dotted_path) const;
};

// One file that WriteParquet made; `path` is absolute.
struct WrittenFile : DataFileStats {
  // Below the folder that was written to: "day=2026-01-31/<uuid>.parquet".
  std::string relative_path;
  // In the order of the partition columns; NULL apart from any text.
  std::vector<PartitionValue> partition;
};

}  // namespace tarn::lake

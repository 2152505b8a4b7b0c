// The folder names of partitioned tables: "day=2026-01-31/city=K%C3%B6ln". Bytes other than
// letters, digits, '_', '-', '.' and '~' are percent-encoded, as the engine does it. NULL is
// __HIVE_DEFAULT_PARTITION__; a text value that reads the same is written with its first byte
// encoded (%5F_HIVE…), so that what this file makes it also tells apart. The engine's own folders
// do not: there, partition values come from what COPY returns. A segment that would be too long for
// a file name is cut, and ends with '~' and a checksum of the whole: its value cannot be read back
// from it. Pure functions; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tarn::lake {

inline constexpr std::string_view kNullPartition = "__HIVE_DEFAULT_PARTITION__";

struct PartitionValue {
  std::string name;
  std::optional<std::string> value;  // as text; nullopt for NULL
  friend bool operator==(const PartitionValue&, const PartitionValue&) = default;
};

// Percent-encoding of one path segment. "." and ".." come out as %2E and %2E%2E, so that a segment
// never leads anywhere.
std::string EncodeSegment(std::string_view text);
// The opposite; a '%' without two hex digits behind it stays as it is.
std::string DecodeSegment(std::string_view text);

// "name=value", at most 200 bytes.
std::string PartitionSegment(const PartitionValue& partition);
// Segments in order, with '/' between; "" for none.
std::string PartitionPath(const std::vector<PartitionValue>& partitions);

// One "name=value" folder, or nullopt where there is no '=' or no name.
std::optional<PartitionValue> ParsePartitionSegment(std::string_view segment);
// The partitions that the folders of `file_path` name, outermost first; other folders and the
// file's own name do not count. Of two folders with one name the inner counts.
std::vector<PartitionValue> ParsePartitionPath(std::string_view file_path);

}  // namespace tarn::lake

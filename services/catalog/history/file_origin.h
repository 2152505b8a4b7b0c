// What made the rows of a file. A file of one commit has one origin; one that compaction put
// together has those of its sources. Plain values and functions; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <absl/time/time.h>

namespace tarn::catalog {

// Stored by these numbers, which are those of the proto.
enum class OriginKind {
  kUnknown = 0,
  kStream = 1,
  kReprocess = 2,
  kQuery = 3,
  kCrawl = 4,
  kClient = 5,
};

struct FileOrigin {
  OriginKind kind = OriginKind::kUnknown;
  std::string source;  // the resource: "streams/readings", "queries/0189…"
  std::string cause;   // what it was part of: "pipelines/enrich/runs/0189…/load"
  std::string committed_by;
  // Of a delivery from a log: the records [from, to), not all of which need be in this file.
  struct LogRange {
    std::string log_id;
    int64_t from = 0;
    int64_t to = 0;

    friend bool operator==(const LogRange&, const LogRange&) = default;
  };
  std::optional<LogRange> log_range;
  // How many rows (-1: not known) and when they came into the table (nothing: not known). An origin
  // without a count is that of a whole file, which has the rows and the time itself.
  std::optional<int64_t> row_count;
  std::optional<absl::Time> first_commit_time;
  std::optional<absl::Time> last_commit_time;

  friend bool operator==(const FileOrigin&, const FileOrigin&) = default;
};

inline constexpr size_t kMaxOrigins = 256;  // of a file

// The origins of a file that holds the rows of several, whose origins these are, each with a count:
// the oldest first.
// Those of the same source, cause and user on the same day (UTC) become one where their records
// follow each other or overlap. Of more than kMaxOrigins the oldest become one, which says what
// they have in common.
std::vector<FileOrigin> MergeOrigins(std::vector<FileOrigin> origins);

}  // namespace tarn::catalog

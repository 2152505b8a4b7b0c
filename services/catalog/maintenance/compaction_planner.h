// Which files of a table are put together. Pure; any thread.
#pragma once

#include <cstdint>
#include <vector>

#include "services/catalog/snapshot.h"

namespace tarn::catalog {

// Files of one partition that become one.
struct CompactionGroup {
  PartitionTuple partition;
  std::vector<DataFile> files;
};

// The largest file that is put together with others. Any two of that size fit into the target, so
// that a partition with two of them has work to do, and what comes out of a full group has none.
inline int64_t MergeableBytes(int64_t target_file_bytes) { return target_file_bytes / 2; }

// Groups of at least two mergeable files that are together no larger than the target, in the order
// in which they were added. `partitions` empty: all.
std::vector<CompactionGroup> PlanCompaction(const std::vector<DataFile>& files,
                                            int64_t target_file_bytes,
                                            const std::vector<PartitionTuple>& partitions);

}  // namespace tarn::catalog

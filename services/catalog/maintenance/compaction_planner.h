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

// Groups of at least two files that are smaller than three quarters of the target and together no
// larger than it, in the order in which they were added. `partitions` empty: all.
std::vector<CompactionGroup> PlanCompaction(const std::vector<DataFile>& files,
                                            int64_t target_file_bytes,
                                            const std::vector<PartitionTuple>& partitions);

}  // namespace tarn::catalog

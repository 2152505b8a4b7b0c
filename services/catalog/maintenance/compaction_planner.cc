#include "services/catalog/maintenance/compaction_planner.h"

#include <algorithm>
#include <map>

#include "services/catalog/json_columns.h"

namespace tarn::catalog {

std::vector<CompactionGroup> PlanCompaction(const std::vector<DataFile>& files,
                                            int64_t target_file_bytes,
                                            const std::vector<PartitionTuple>& partitions) {
  std::map<std::string, std::vector<const DataFile*>> by_partition;
  for (const DataFile& file : files) {
    const bool wanted = partitions.empty() || std::find(partitions.begin(), partitions.end(),
                                                        file.partition) != partitions.end();
    if (wanted && file.byte_count <= MergeableBytes(target_file_bytes)) {
      by_partition[PartitionToJson(file.partition)].push_back(&file);
    }
  }
  std::vector<CompactionGroup> groups;
  for (auto& [key, members] : by_partition) {
    std::stable_sort(members.begin(), members.end(), [](const DataFile* a, const DataFile* b) {
      return a->added_sequence_number < b->added_sequence_number;
    });
    CompactionGroup group{.partition = members.front()->partition};
    int64_t bytes = 0;
    const auto close = [&] {
      if (group.files.size() > 1) groups.push_back(group);
      group.files.clear();
      bytes = 0;
    };
    for (const DataFile* file : members) {
      if (bytes + file->byte_count > target_file_bytes) close();
      group.files.push_back(*file);
      bytes += file->byte_count;
    }
    close();
  }
  return groups;
}

}  // namespace tarn::catalog

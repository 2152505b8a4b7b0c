// Maintenance jobs. Plain values.
#pragma once

#include <string>
#include <vector>

#include "services/catalog/execution.h"
#include "services/catalog/table.h"

namespace tarn::catalog {

// Stored by these numbers, which are those of the proto.
enum class MaintenanceKind { kCompact = 1, kExpireSnapshots = 2 };

inline constexpr int64_t kDefaultTargetFileBytes = 256LL << 20;
inline constexpr int64_t kMinTargetFileBytes = 1LL << 20;
inline constexpr int64_t kMaxTargetFileBytes = 4LL << 30;

struct MaintenanceJob {
  std::string id;
  TableKey table;
  std::string table_uid;
  MaintenanceKind kind = MaintenanceKind::kCompact;
  int64_t target_file_bytes = kDefaultTargetFileBytes;
  std::vector<PartitionTuple> partitions;  // empty: all
  Execution execution;
  std::string owner;
  int64_t files_before = 0;
  int64_t files_after = 0;
  int64_t rewritten_rows = 0;
};

}  // namespace tarn::catalog

// Which files of which snapshot a scan reads.
#pragma once

#include <vector>

#include <absl/status/statusor.h>

#include "common/postgres/transaction.h"
#include "services/catalog/history/snapshot_reference.h"
#include "services/catalog/live_file_cache.h"
#include "services/catalog/scan_pruner.h"
#include "services/catalog/table.h"

namespace tarn::catalog {

struct ScanRequest {
  TableKey key;
  SnapshotReference at;
  std::vector<ScanPredicate> predicates;
};

struct ScanPlan {
  // As of the snapshot: its columns, spec and source, and current_snapshot is that one.
  Table table;
  std::vector<DataFile> files;
  int64_t total_files = 0;
};

// Reads in a repeatable-read transaction, and of the current snapshot from `cache`, if that is
// given. NOT_FOUND TABLE_NOT_FOUND; INVALID_ARGUMENT WRONG_OPERATION for a view; errors of
// FindSnapshot.
absl::StatusOr<ScanPlan> PlanFiles(Transaction& txn, const ScanRequest& request,
                                   LiveFileCache* cache = nullptr);

}  // namespace tarn::catalog

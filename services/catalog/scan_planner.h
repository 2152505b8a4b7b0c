// Which files of which snapshot a scan reads.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <absl/status/statusor.h>

#include "common/postgres/transaction.h"
#include "services/catalog/live_file_cache.h"
#include "services/catalog/scan_pruner.h"
#include "services/catalog/table.h"

namespace tarn::catalog {

struct ScanRequest {
  TableKey key;
  int64_t snapshot_id = 0;  // 0: the current one, or the one of as_of_time
  std::optional<absl::Time> as_of_time;
  std::vector<ScanPredicate> predicates;
};

struct ScanPlan {
  // As of the snapshot: its columns, spec and source, and current_snapshot is that one.
  Table table;
  std::vector<DataFile> files;
  int64_t total_files = 0;
};

// Reads in a repeatable-read transaction, and of the current snapshot from `cache`, if that is
// given. NOT_FOUND TABLE_NOT_FOUND, SNAPSHOT_NOT_FOUND; INVALID_ARGUMENT WRONG_OPERATION for a
// view.
absl::StatusOr<ScanPlan> PlanFiles(Transaction& txn, const ScanRequest& request,
                                   LiveFileCache* cache = nullptr);

// NOT_FOUND SNAPSHOT_NOT_FOUND, also for an id that is no number.
absl::StatusOr<Snapshot> FindSnapshot(Transaction& txn, const Table& table, const std::string& id);

}  // namespace tarn::catalog

// Lets old snapshots go. A table keeps those of the last five days (property
// `tarn.snapshots.max_age`: "12h", "30d") and at least ten (`tarn.snapshots.min_count`). Files that
// no remaining snapshot names are removed a day later, so that readers who began before can end.
// Snapshots younger than an hour stay in any case: a commit that is repeated is known by its
// snapshot, and would otherwise be done twice.
#pragma once

#include <absl/status/status.h>

#include "common/postgres/postgres_pool.h"
#include "services/catalog/table.h"

namespace tarn::catalog {

inline constexpr absl::Duration kDefaultSnapshotAge = absl::Hours(5 * 24);
inline constexpr int64_t kDefaultMinSnapshots = 10;
inline constexpr absl::Duration kMinSnapshotAge = absl::Hours(1);

struct ExpiryRule {
  absl::Duration max_age = kDefaultSnapshotAge;
  int64_t min_count = kDefaultMinSnapshots;
};

// INVALID_ARGUMENT INVALID_FIELD for a property that cannot be read.
absl::StatusOr<ExpiryRule> ExpiryRuleOf(const Table& table);

// Expires in the caller's transaction; the number of files that became garbage.
absl::StatusOr<int64_t> ExpireSnapshots(Transaction& txn, const TableKey& key);

}  // namespace tarn::catalog

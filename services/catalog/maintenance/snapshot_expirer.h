// Lets old snapshots go. A table keeps those of the last five days (property
// `tarn.snapshots.max_age`: "12h", "30d"), at least ten (`tarn.snapshots.min_count`), and those
// that tags name. Files that no remaining snapshot names are removed a day later, so that readers
// who began before can end. Snapshots younger than an hour stay in any case: a commit that is
// repeated is known by its snapshot, and would otherwise be done twice.
#pragma once

#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "common/postgres/postgres_pool.h"
#include "services/catalog/table.h"

namespace tarn::catalog {

inline constexpr absl::Duration kDefaultSnapshotAge = absl::Hours(5 * 24);
inline constexpr int64_t kDefaultMinSnapshots = 10;
inline constexpr absl::Duration kMinSnapshotAge = absl::Hours(1);

struct ExpiryRule {
  absl::Duration max_age = kDefaultSnapshotAge;  // never less than kMinSnapshotAge
  int64_t min_count = kDefaultMinSnapshots;
};

// INVALID_ARGUMENT INVALID_FIELD for a property that cannot be read.
absl::StatusOr<ExpiryRule> ExpiryRuleOf(const std::map<std::string, std::string>& properties);

// What an expiry would do.
struct ExpiryEffect {
  int64_t snapshots = 0;         // that would go
  int64_t tagged_snapshots = 0;  // that would go but for a tag
  FileTotals files;              // that no snapshot would name any more
};

// What an expiry did.
struct Expired {
  int64_t snapshots = 0;
  int64_t files = 0;  // that have become garbage
};

// What ExpireSnapshots would do now; changes nothing.
absl::StatusOr<ExpiryEffect> PreviewExpiry(Transaction& txn, const Table& table);

// The snapshots that ExpireSnapshots would remove now, the newest first: those with a lower
// sequence number than `before`.
absl::StatusOr<std::vector<Snapshot>> ListExpiring(Transaction& txn, const Table& table,
                                                   int64_t before, int limit);

// Expires in the caller's transaction, under the lock of the table's head. NOT_FOUND
// TABLE_NOT_FOUND; INVALID_ARGUMENT INVALID_FIELD for a property that cannot be read.
absl::StatusOr<Expired> ExpireSnapshots(Transaction& txn, const TableKey& key);

}  // namespace tarn::catalog

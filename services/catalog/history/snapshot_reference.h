// The ways to say which snapshot of a table is meant. Works in the caller's transaction.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "common/postgres/transaction.h"
#include "services/catalog/table.h"

namespace tarn::catalog {

// At most one is given; none: the current snapshot.
struct SnapshotReference {
  int64_t snapshot_id = 0;
  std::optional<absl::Time> as_of_time;  // the one that was the current one then
  std::string tag;

  bool empty() const { return snapshot_id == 0 && !as_of_time && tag.empty(); }
};

// The snapshot that is meant; nothing for the current one of a table before its first commit.
//   NOT_FOUND            SNAPSHOT_NOT_FOUND, TAG_NOT_FOUND
//   FAILED_PRECONDITION  SNAPSHOT_EXPIRED: which snapshot was the current one at that time is not
//                        known any more, or it is gone
absl::StatusOr<std::optional<Snapshot>> FindSnapshotOrNone(Transaction& txn, const Table& table,
                                                           const SnapshotReference& reference);

// As above, and NOT_FOUND SNAPSHOT_NOT_FOUND for a table before its first commit.
absl::StatusOr<Snapshot> FindSnapshot(Transaction& txn, const Table& table,
                                      const SnapshotReference& reference);

// The reference that a resource name's last part is: a snapshot's id or, since no tag begins with a
// digit, the name of a tag.
SnapshotReference ReferenceOf(const std::string& id);

}  // namespace tarn::catalog

// The rules of tags. Works in the caller's transaction; the events of a change are in it too.
#pragma once

#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "common/postgres/transaction.h"
#include "services/catalog/actor.h"
#include "services/catalog/history/snapshot_reference.h"
#include "services/catalog/history/tag.h"
#include "services/catalog/table.h"

namespace tarn::catalog {

inline constexpr int64_t kMaxTags = 1000;  // of a table
inline constexpr size_t kMaxTagComment = 1000;

class TagManager {
 public:
  explicit TagManager(Transaction& txn) : txn_(txn) {}

  // Makes `tag`, of which name, comment and expire_time are given, for the snapshot that `at`
  // means. Under the lock of the table's head, so that an expiry either sees the tag or has removed
  // the snapshot before.
  //   INVALID_ARGUMENT    INVALID_FIELD; WRONG_OPERATION for a view
  //   NOT_FOUND           TABLE_NOT_FOUND, SNAPSHOT_NOT_FOUND, TAG_NOT_FOUND
  //   ALREADY_EXISTS      TAG_EXISTS
  //   RESOURCE_EXHAUSTED  TOO_MANY_TAGS
  absl::StatusOr<Tag> Create(const Actor& actor, const TableKey& table, Tag tag,
                             const SnapshotReference& at);
  // NOT_FOUND TAG_NOT_FOUND, with the name that may have been meant.
  absl::StatusOr<Tag> Get(const Table& table, const std::string& name);
  // By name, those after `after`.
  std::vector<Tag> List(const Table& table, const std::string& after, int limit);
  // NOT_FOUND TABLE_NOT_FOUND, TAG_NOT_FOUND.
  absl::Status Delete(const Actor& actor, const TableKey& table, const std::string& name);

 private:
  Transaction& txn_;
};

}  // namespace tarn::catalog

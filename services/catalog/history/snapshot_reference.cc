#include "services/catalog/history/snapshot_reference.h"

#include <absl/strings/numbers.h>

#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/catalog/history/tag_manager.h"
#include "services/catalog/table_store.h"

namespace tarn::catalog {
namespace {

constexpr int64_t kIdBelowSalt = 32;  // bits of a snapshot's id that are its sequence number

std::string TimeText(absl::Time time) {
  return absl::FormatTime("%Y-%m-%d %H:%M:%E*S UTC", time, absl::UTCTimeZone());
}

absl::Status SnapshotNotFound(const Table& table, const std::string& which,
                              const std::string& why) {
  return NotFound("SNAPSHOT_NOT_FOUND",
                  "table " + table.key.SqlName() + " has no snapshot" + which + why +
                      "; list its snapshots to see which there are",
                  {{"table", table.key.SqlName()}});
}

absl::StatusOr<Snapshot> FindById(TableStore& store, const Table& table, int64_t id) {
  std::optional<Snapshot> snapshot = store.FindSnapshot(table.uid, id);
  if (snapshot) return *std::move(snapshot);
  const bool was_there = table.current_snapshot && id > 0 && id < table.current_snapshot->id &&
                         id >> kIdBelowSalt == table.current_snapshot->id >> kIdBelowSalt;
  return SnapshotNotFound(table, " " + std::to_string(id),
                          was_there ? ": it has expired" : ": it never had one");
}

absl::Status SnapshotExpired(const Table& table, absl::Time time, const std::string& why) {
  return FailedPrecondition("SNAPSHOT_EXPIRED",
                            "what table " + table.key.SqlName() + " was at " + TimeText(time) +
                                " is not kept any more: " + why +
                                "; take another time, or a snapshot that a tag keeps",
                            {{"table", table.key.SqlName()}});
}

absl::StatusOr<Snapshot> FindAt(TableStore& store, const Table& table, absl::Time time) {
  std::optional<Snapshot> snapshot = store.FindSnapshotAt(table.uid, time);
  if (snapshot) {
    // Where a tag keeps a snapshot whose successors have expired, nobody knows any more how long it
    // was the current one.
    if (snapshot->commit_time == time ||
        snapshot->sequence_number == table.current_snapshot->sequence_number ||
        store.HasSnapshot(table.uid, snapshot->sequence_number + 1)) {
      return *std::move(snapshot);
    }
    return SnapshotExpired(
        table, time,
        "the snapshots between " + TimeText(snapshot->commit_time) + " and then have expired");
  }
  if (time < table.create_time) {
    return SnapshotNotFound(table, " at " + TimeText(time),
                            ": it was made at " + TimeText(table.create_time));
  }
  if (const auto oldest = store.OldestSnapshot(table.uid); oldest && oldest->sequence_number > 1) {
    return SnapshotExpired(table, time,
                           "its oldest snapshot is of " + TimeText(oldest->commit_time));
  }
  return SnapshotNotFound(table, " at " + TimeText(time), ": its first commit came later");
}

}  // namespace

absl::StatusOr<std::optional<Snapshot>> FindSnapshotOrNone(Transaction& txn, const Table& table,
                                                           const SnapshotReference& reference) {
  TableStore store(txn);
  if (reference.snapshot_id != 0) return FindById(store, table, reference.snapshot_id);
  if (reference.as_of_time) return FindAt(store, table, *reference.as_of_time);
  if (reference.tag.empty()) return table.current_snapshot;
  TARN_ASSIGN_OR_RETURN(const Tag tag, TagManager(txn).Get(table, reference.tag));
  return FindById(store, table, tag.snapshot_id);
}

absl::StatusOr<Snapshot> FindSnapshot(Transaction& txn, const Table& table,
                                      const SnapshotReference& reference) {
  TARN_ASSIGN_OR_RETURN(std::optional<Snapshot> snapshot,
                        FindSnapshotOrNone(txn, table, reference));
  if (!snapshot) return SnapshotNotFound(table, "", ": nothing was committed to it yet");
  return *std::move(snapshot);
}

SnapshotReference ReferenceOf(const std::string& id) {
  SnapshotReference reference;
  if (!absl::SimpleAtoi(id, &reference.snapshot_id)) reference.tag = id;
  return reference;
}

}  // namespace tarn::catalog

#include "services/catalog/maintenance/garbage_collector.h"

#include <algorithm>
#include <filesystem>
#include <vector>

#include "common/idempotency/idempotency.h"
#include "common/logging/logging.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/catalog/maintenance/snapshot_expirer.h"

namespace tarn::catalog {
namespace {

constexpr int kGarbageAtOnce = 1000;

// Whether a path is of a kind that the catalog may remove: never landing files.
// A dropped table's folder, <workspace>/warehouse/<database>/<table>-<id>, goes with all that is in
// it; anything else is one file.
bool IsTableFolder(const std::string& path) {
  return std::count(path.begin(), path.end(), '/') == 3;
}

bool MayRemove(const std::string& workspace, const std::string& path) {
  return path.rfind(workspace + "/warehouse/", 0) == 0 ||
         path.rfind(workspace + "/derived/", 0) == 0;
}

}  // namespace

absl::Status GarbageCollector::ExpireAll() {
  std::vector<TableKey> tables;
  TARN_RETURN_IF_ERROR(pool_.Run([&](Transaction& txn) -> absl::Status {
    tables.clear();
    for (const Row row :
         txn.Exec("SELECT t.workspace, t.database, t.name FROM catalog.tables t JOIN "
                  "catalog.table_heads h ON h.table_uid = t.uid WHERE h.sequence_number > 1")) {
      tables.push_back({row.Get<std::string>("workspace"), row.Get<std::string>("database"),
                        row.Get<std::string>("name")});
    }
    return absl::OkStatus();
  }));
  absl::Status first;
  for (const TableKey& table : tables) {
    const absl::Status expired =
        pool_.Run([&](Transaction& txn) { return ExpireSnapshots(txn, table).status(); });
    if (!expired.ok() && !absl::IsNotFound(expired) && first.ok()) {
      first = Annotate(expired, "expiring snapshots of " + table.SqlName());
    }
  }
  return first;
}

absl::Status GarbageCollector::RemoveGarbage() {
  absl::Status first;
  // What cannot be removed keeps nothing behind it: a round goes on after it, to the end.
  Garbage last{.delete_after = absl::InfinitePast()};
  while (true) {
    std::vector<Garbage> garbage;
    TARN_RETURN_IF_ERROR(pool_.Run([&](Transaction& txn) -> absl::Status {
      garbage.clear();
      for (const Row row : txn.Exec(
               "SELECT workspace, path, delete_after FROM catalog.garbage WHERE delete_after < "
               "now() AND removed_at IS NULL AND (delete_after, workspace, path) > ($1, $2, "
               "$3) ORDER BY delete_after, workspace, path LIMIT $4",
               last.delete_after, last.workspace, last.path, kGarbageAtOnce)) {
        garbage.push_back({row.Get<std::string>("workspace"), row.Get<std::string>("path"),
                           row.Get<absl::Time>("delete_after")});
      }
      return absl::OkStatus();
    }));
    for (const Garbage& item : garbage) {
      const absl::Status removed = Remove(item);
      if (absl::IsUnavailable(removed)) return removed;
      if (first.ok()) first = removed;
    }
    if (garbage.size() < static_cast<size_t>(kGarbageAtOnce)) return first;
    last = std::move(garbage.back());
  }
}

absl::Status GarbageCollector::Remove(const Garbage& item) {
  // What is removed goes before its row: a kill in between removes it once more.
  const bool folder = IsTableFolder(item.path);
  if (MayRemove(item.workspace, item.path)) {
    TARN_ASSIGN_OR_RETURN(const std::filesystem::path path, lake_.Join(item.path));
    std::error_code error;
    if (folder) {
      std::filesystem::remove_all(path, error);
    } else {
      std::filesystem::remove(path, error);
    }
    if (error) {
      return FailedPrecondition("FILE_IO", "cannot remove " + item.path + ": " + error.message());
    }
    metrics_.garbage_removed.Increment();
  }
  return pool_.Run([&](Transaction& txn) -> absl::Status {
    txn.Exec(folder ? "UPDATE catalog.garbage SET removed_at = now() WHERE workspace = $1 AND "
                      "path = $2"
                    : "DELETE FROM catalog.garbage WHERE workspace = $1 AND path = $2",
             item.workspace, item.path);
    return absl::OkStatus();
  });
}

absl::Status GarbageCollector::RemoveTombstones() {
  return pool_.Run([&](Transaction& txn) -> absl::Status {
    txn.Exec(
        "DELETE FROM catalog.garbage WHERE removed_at < now() - $1::bigint * interval '1 "
        "millisecond'",
        absl::ToInt64Milliseconds(kTombstoneAge));
    return absl::OkStatus();
  });
}

absl::Status GarbageCollector::Run() {
  const absl::Status expired = ExpireAll();
  absl::Status removed = RemoveGarbage();
  removed.Update(RemoveTombstones());
  const absl::Status purged = idempotency::Purge(pool_, "catalog").status();
  if (!expired.ok()) return expired;
  return removed.ok() ? purged : removed;
}

}  // namespace tarn::catalog

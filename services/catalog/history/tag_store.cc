#include "services/catalog/history/tag_store.h"

#include <absl/strings/str_cat.h>

namespace tarn::catalog {
namespace {

// Followed by conditions on g.
const std::string& Select() {
  static const std::string sql =
      absl::StrCat("SELECT * FROM catalog.tags g WHERE ", kTagIsThere, " AND g.table_uid = $1 ");
  return sql;
}

Tag ReadTag(const Row& row) {
  return {.name = row.Get<std::string>("tag"),
          .snapshot_id = row.Get<int64_t>("snapshot_id"),
          .sequence_number = row.Get<int64_t>("sequence_number"),
          .comment = row.Get<std::string>("comment"),
          .expire_time = row.Get<std::optional<absl::Time>>("expire_time"),
          .create_time = row.Get<absl::Time>("create_time"),
          .created_by = row.Get<std::string>("created_by")};
}

}  // namespace

bool TagStore::Insert(const std::string& table_uid, const Tag& tag) {
  // In the place of one that has ended and was not removed yet.
  return txn_.Exec(
                 "INSERT INTO catalog.tags AS g (table_uid, tag, sequence_number, snapshot_id, "
                 "comment, created_by, expire_time) VALUES ($1, $2, $3, $4, $5, $6, $7) "
                 "ON CONFLICT (table_uid, tag) DO UPDATE SET sequence_number = "
                 "EXCLUDED.sequence_number, snapshot_id = EXCLUDED.snapshot_id, comment = "
                 "EXCLUDED.comment, created_by = EXCLUDED.created_by, expire_time = "
                 "EXCLUDED.expire_time, create_time = now() WHERE g.expire_time <= now()",
                 table_uid, tag.name, tag.sequence_number, tag.snapshot_id, tag.comment,
                 tag.created_by, tag.expire_time)
             .affected_rows() > 0;
}

std::optional<Tag> TagStore::Find(const std::string& table_uid, const std::string& name) {
  const Result rows = txn_.Exec(Select() + "AND g.tag = $2", table_uid, name);
  if (rows.empty()) return std::nullopt;
  return ReadTag(rows[0]);
}

std::vector<Tag> TagStore::List(const std::string& table_uid, const std::string& after, int limit) {
  std::vector<Tag> tags;
  for (const Row row :
       txn_.Exec(Select() + "AND g.tag COLLATE \"C\" > $2 ORDER BY g.tag COLLATE \"C\" LIMIT $3",
                 table_uid, after, limit)) {
    tags.push_back(ReadTag(row));
  }
  return tags;
}

int64_t TagStore::Count(const std::string& table_uid) {
  return txn_.Exec("SELECT count(*) AS tags FROM catalog.tags WHERE table_uid = $1", table_uid)
      .One()
      .Get<int64_t>("tags");
}

void TagStore::Delete(const std::string& table_uid, const std::string& name) {
  txn_.Exec("DELETE FROM catalog.tags WHERE table_uid = $1 AND tag = $2", table_uid, name);
}

void TagStore::DeleteEnded(const std::string& table_uid) {
  txn_.Exec("DELETE FROM catalog.tags WHERE table_uid = $1 AND expire_time <= now()", table_uid);
}

}  // namespace tarn::catalog

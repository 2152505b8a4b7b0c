#include "services/dashboard/resources/resource_table.h"

#include <absl/strings/escaping.h>

#include "common/postgres/transaction.h"
#include "services/dashboard/identity/key_secret.h"

namespace tarn::dashboard {
namespace {

ResourceRow RowOf(const Row& row) {
  return {.id = row.Get<std::string>("id"),
          .spec = row.Get<Bytes>("spec").data,
          .owner = row.Get<std::string>("owner"),
          .create_time = row.Get<absl::Time>("create_time"),
          .update_time = row.Get<absl::Time>("update_time"),
          .etag = row.Get<std::string>("etag")};
}

}  // namespace

bool ResourceTable::Insert(Transaction& txn, std::string_view workspace,
                           const ResourceRow& row) const {
  return txn.Exec("INSERT INTO " + table_ +
                      " (workspace, id, spec, owner, create_time, update_time, etag) "
                      "VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
                  workspace, row.id, Bytes{row.spec}, row.owner, row.create_time, row.update_time,
                  row.etag)
             .affected_rows() == 1;
}

std::optional<ResourceRow> ResourceTable::Find(Transaction& txn, std::string_view workspace,
                                               std::string_view id, Lock lock) const {
  std::optional<Row> row =
      txn.Exec("SELECT * FROM " + table_ + " WHERE workspace = $1 AND id = $2" +
                   (lock == Lock::kUpdate ? " FOR UPDATE" : ""),
               workspace, id)
          .First();
  if (!row.has_value()) return std::nullopt;
  return RowOf(*row);
}

void ResourceTable::Update(Transaction& txn, std::string_view workspace,
                           const ResourceRow& row) const {
  txn.Exec("UPDATE " + table_ +
               " SET spec = $3, update_time = $4, etag = $5 WHERE workspace = $1 AND id = $2",
           workspace, row.id, Bytes{row.spec}, row.update_time, row.etag);
}

void ResourceTable::Delete(Transaction& txn, std::string_view workspace,
                           std::string_view id) const {
  txn.Exec("DELETE FROM " + table_ + " WHERE workspace = $1 AND id = $2", workspace, id);
}

std::vector<ResourceRow> ResourceTable::List(Transaction& txn, std::string_view workspace,
                                             std::string_view after_id, int limit) const {
  std::vector<ResourceRow> rows;
  for (Row row : txn.Exec(
           "SELECT * FROM " + table_ + " WHERE workspace = $1 AND id > $2 ORDER BY id LIMIT $3",
           workspace, after_id, limit)) {
    rows.push_back(RowOf(row));
  }
  return rows;
}

std::string MakeEtag(std::string_view spec, absl::Time update_time) {
  std::string hash =
      HashSecret(std::string(spec) + "@" + std::to_string(absl::ToUnixMicros(update_time)));
  return absl::BytesToHexString(hash.substr(0, 8));
}

}  // namespace tarn::dashboard

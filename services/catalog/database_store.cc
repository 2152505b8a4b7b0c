#include "services/catalog/database_store.h"

#include "services/catalog/json_columns.h"

namespace tarn::catalog {
namespace {

Database ReadDatabase(const Row& row) {
  return {.id = row.Get<std::string>("database"),
          .comment = row.Get<std::string>("comment"),
          .properties = MapFromJson(row.Get<std::string>("properties")),
          .owner = row.Get<std::string>("owner"),
          .create_time = row.Get<absl::Time>("create_time"),
          .update_time = row.Get<absl::Time>("update_time"),
          .revision = row.Get<int64_t>("revision")};
}

std::optional<Database> First(const Result& rows) {
  if (rows.empty()) return std::nullopt;
  return ReadDatabase(rows[0]);
}

}  // namespace

std::optional<Database> DatabaseStore::Insert(const std::string& workspace,
                                              const Database& database) {
  return First(txn_.Exec(
      "INSERT INTO catalog.databases (workspace, database, comment, properties, owner) "
      "VALUES ($1, $2, $3, $4::jsonb, $5) ON CONFLICT DO NOTHING RETURNING *",
      workspace, database.id, database.comment, MapToJson(database.properties), database.owner));
}

std::optional<Database> DatabaseStore::Find(const std::string& workspace, const std::string& id,
                                            bool for_update) {
  if (for_update) {
    return First(txn_.Exec(
        "SELECT * FROM catalog.databases WHERE workspace = $1 AND database = $2 FOR UPDATE",
        workspace, id));
  }
  return First(txn_.ExecPrepared(
      "SELECT * FROM catalog.databases WHERE workspace = $1 AND database = $2", workspace, id));
}

std::vector<Database> DatabaseStore::List(const std::string& workspace, const std::string& after,
                                          int limit) {
  std::vector<Database> databases;
  for (const Row row : txn_.Exec("SELECT * FROM catalog.databases WHERE workspace = $1 AND "
                                 "database > $2 COLLATE \"C\" ORDER BY database COLLATE \"C\" "
                                 "LIMIT $3",
                                 workspace, after, limit)) {
    databases.push_back(ReadDatabase(row));
  }
  return databases;
}

Database DatabaseStore::Update(const std::string& workspace, const Database& database) {
  return ReadDatabase(
      txn_.Exec("UPDATE catalog.databases SET comment = $3, properties = $4::jsonb, "
                "update_time = now(), revision = revision + 1 "
                "WHERE workspace = $1 AND database = $2 RETURNING *",
                workspace, database.id, database.comment, MapToJson(database.properties))
          .One());
}

void DatabaseStore::Delete(const std::string& workspace, const std::string& id) {
  txn_.Exec("DELETE FROM catalog.databases WHERE workspace = $1 AND database = $2", workspace, id);
}

bool DatabaseStore::HasTables(const std::string& workspace, const std::string& id) {
  return !txn_.Exec("SELECT 1 FROM catalog.tables WHERE workspace = $1 AND database = $2 LIMIT 1",
                    workspace, id)
              .empty();
}

}  // namespace tarn::catalog

// Databases in PostgreSQL. Runs SQL in the caller's transaction, as Transaction::Exec does; no
// state.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/postgres/transaction.h"
#include "services/catalog/database.h"

namespace tarn::catalog {

class DatabaseStore {
 public:
  explicit DatabaseStore(Transaction& txn) : txn_(txn) {}

  // Nothing when there is one of that name.
  std::optional<Database> Insert(const std::string& workspace, const Database& database);
  // Locks the row until the transaction ends when `for_update`.
  std::optional<Database> Find(const std::string& workspace, const std::string& id,
                               bool for_update = false);
  // Ordered by name, those after `after`.
  std::vector<Database> List(const std::string& workspace, const std::string& after, int limit);
  // Writes comment and properties; gives the row as it is then.
  Database Update(const std::string& workspace, const Database& database);
  void Delete(const std::string& workspace, const std::string& id);
  bool HasTables(const std::string& workspace, const std::string& id);

 private:
  Transaction& txn_;
};

}  // namespace tarn::catalog

// A migrated database with one workspace and short ways to make what tests of the catalog need.
#pragma once

#include <string>
#include <vector>

#include "common/postgres/testing/test_database.h"
#include "services/catalog/actor.h"
#include "services/catalog/commit_manager.h"
#include "services/catalog/table.h"

namespace tarn::catalog {

class CatalogDatabase {
 public:
  CatalogDatabase();

  PostgresPool& pool() { return db_.pool(); }
  TestDatabase& database() { return db_; }
  const Actor& actor() const { return actor_; }

  TableKey Key(const std::string& table) const { return {actor_.workspace, "d", table}; }
  // A managed table d.<name>, with columns `id long` and `dt date`; partitioned by dt when asked.
  Table CreateTable(const std::string& name, bool partitioned = false);
  Table GetTable(const std::string& name);
  // Paths of the live files, sorted.
  std::vector<std::string> LivePaths(const std::string& name);

  absl::StatusOr<CommitResult> Commit(const CommitRequest& request);

 private:
  TestDatabase db_;
  Actor actor_{"default", "ada", "call-1"};
};

// A file of a managed table in workspace default.
DataFile TestFile(const std::string& name, int64_t rows = 10, const std::string& dt = "");
// An append of files to d.<table>.
CommitRequest Append(const std::string& table, const std::string& request_id,
                     std::vector<DataFile> files);

}  // namespace tarn::catalog

// A real PostgreSQL for tests. One private cluster serves the whole test executable: it starts at
// the first use (about a second), lies in memory (/dev/shm) where there is room, and goes away at
// exit; what a killed test leaves behind is removed by the next one that runs.
//
//   class TableStorePgTest : public ::testing::Test {
//     TestDatabase db_{[](PostgresPool& pool) {
//       return ApplyMigrations(pool, "catalog", catalog::Migrations()); }};
//     PostgresTableStore store_{db_.pool()};
//   };
//
// Each TestDatabase is a fresh database, dropped with it, cloned (some 30 ms) from a template that
// the same function migrated once. A failure to start or migrate ends the process with a message.
// Any thread.
#pragma once

#include <memory>
#include <string>

#include <absl/status/status.h>

#include "common/postgres/postgres_pool.h"

namespace tarn {

class TestDatabase {
 public:
  using Migrate = absl::Status (*)(PostgresPool&);

  explicit TestDatabase(Migrate migrate = nullptr);  // nullptr: an empty database
  ~TestDatabase();
  TestDatabase(const TestDatabase&) = delete;
  TestDatabase& operator=(const TestDatabase&) = delete;

  const std::string& dsn() const { return dsn_; }
  PostgresPool& pool() { return *pool_; }

  // Ends every session of this database, as a crash of the server or a network would.
  void BreakConnections();

 private:
  std::string name_;
  std::string dsn_;
  std::unique_ptr<PostgresPool> pool_;
};

}  // namespace tarn

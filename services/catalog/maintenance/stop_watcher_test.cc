#include "services/catalog/maintenance/stop_watcher.h"

#include <atomic>
#include <string>

#include <gtest/gtest.h>

#include "common/testing/status_matchers.h"

namespace tarn::catalog {
namespace {

TEST(StopWatcherTest, AStatementEndsWhenItsJobIsToStop) {
  auto database = duckdb::Database::Open({.threads = 1});
  ASSERT_OK(database);
  ASSERT_OK_AND_ASSIGN(duckdb::Connection connection, database->Connect());
  std::atomic<int> asked = 0;
  const StopWatcher watcher(
      connection, [&] { return ++asked > 2; }, absl::Milliseconds(1));
  // It would take hours.
  EXPECT_THAT(connection.Query("SELECT count(*) FROM range(10000000) a, range(10000000) b "
                               "WHERE hash(a.range + b.range) = 1"),
              StatusIs(absl::StatusCode::kCancelled, std::string(duckdb::kInterrupted)));
}

TEST(StopWatcherTest, AJobThatGoesOnIsLeftAlone) {
  auto database = duckdb::Database::Open({.threads = 1});
  ASSERT_OK(database);
  ASSERT_OK_AND_ASSIGN(duckdb::Connection connection, database->Connect());
  const StopWatcher watcher(
      connection, [] { return false; }, absl::Milliseconds(1));
  EXPECT_OK(connection.Query("SELECT count(*) FROM range(1000000)"));
}

}  // namespace
}  // namespace tarn::catalog

#include "common/duckdb/lazy_database.h"

#include <optional>

#include <absl/time/clock.h>
#include <gtest/gtest.h>

#include "common/testing/status_matchers.h"

namespace tarn::duckdb {
namespace {

TEST(LazyDatabaseTest, ConnectionsShareAnInstanceThatIsOpenedWhenItIsNeeded) {
  LazyDatabase database({.threads = 1});
  EXPECT_EQ(database.open_count(), 0);
  ASSERT_OK_AND_ASSIGN(Connection first, database.Connect());
  ASSERT_OK_AND_ASSIGN(Connection second, database.Connect());
  ASSERT_OK(first.Execute("CREATE TABLE t AS SELECT 1 AS x"));
  EXPECT_OK(second.Execute("SELECT x FROM t"));
  EXPECT_EQ(database.open_count(), 1);
}

TEST(LazyDatabaseTest, AnInstanceIsClosedWhenNobodyNeedsItAndOpenedAnewWhenSomebodyDoes) {
  LazyDatabase database({.threads = 1});
  EXPECT_FALSE(database.CloseUnused(absl::InfiniteFuture()));
  const absl::Time before = absl::Now();
  {
    ASSERT_OK_AND_ASSIGN(Connection connection, database.Connect());
    ASSERT_OK(connection.Execute("CREATE TABLE t AS SELECT 1 AS x"));
    EXPECT_FALSE(database.CloseUnused(absl::InfiniteFuture()));  // it is in use
  }
  EXPECT_FALSE(database.CloseUnused(before));  // it was, a moment ago
  EXPECT_TRUE(database.CloseUnused(absl::InfiniteFuture()));
  EXPECT_FALSE(database.CloseUnused(absl::InfiniteFuture()));
  ASSERT_OK_AND_ASSIGN(Connection connection, database.Connect());
  EXPECT_FALSE(connection.Execute("SELECT x FROM t").ok());
  EXPECT_EQ(database.open_count(), 2);
}

TEST(LazyDatabaseTest, AResultKeepsItsInstanceOpen) {
  LazyDatabase database({.threads = 1});
  std::optional<ResultStream> stream;
  {
    ASSERT_OK_AND_ASSIGN(Connection connection, database.Connect());
    ASSERT_OK_AND_ASSIGN(stream, connection.Stream("SELECT * FROM range(10000)"));
  }
  EXPECT_FALSE(database.CloseUnused(absl::InfiniteFuture()));
  EXPECT_OK(stream->Next());
  stream.reset();
  EXPECT_TRUE(database.CloseUnused(absl::InfiniteFuture()));
}

TEST(LazyDatabaseTest, WhoIsConnectedToADiscardedInstanceKeepsIt) {
  LazyDatabase database({.threads = 1});
  ASSERT_OK_AND_ASSIGN(Connection old, database.Connect());
  ASSERT_OK(old.Execute("CREATE TABLE t AS SELECT 1 AS x"));
  database.Discard();
  ASSERT_OK_AND_ASSIGN(Connection fresh, database.Connect());
  EXPECT_OK(old.Execute("SELECT x FROM t"));
  EXPECT_FALSE(fresh.Execute("SELECT x FROM t").ok());
}

}  // namespace
}  // namespace tarn::duckdb

#include <atomic>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "common/postgres/migrations.h"
#include "common/postgres/postgres_pool.h"
#include "common/postgres/testing/migrations.h"
#include "common/postgres/testing/test_database.h"
#include "common/status/error.h"

namespace tarn {
namespace {

const Migration kFirst{1, "0001_a", "CREATE TABLE m.a (x int); INSERT INTO m.a VALUES (1)"};
const Migration kSecond{2, "0002_b", "ALTER TABLE m.a ADD y text DEFAULT 'ü;'"};

class MigrationsPgTest : public ::testing::Test {
 protected:
  absl::Status Apply(std::vector<Migration> migrations) {
    return ApplyMigrations(db_.pool(), "m", migrations);
  }
  TestDatabase db_;
};

TEST_F(MigrationsPgTest, AppliesEachOnce) {
  ASSERT_TRUE(Apply({kFirst}).ok());
  ASSERT_TRUE(Apply({kFirst, kSecond}).ok());
  ASSERT_TRUE(Apply({kFirst, kSecond}).ok());
  auto rows = db_.pool().Run([](Transaction& txn) -> absl::StatusOr<std::string> {
    return txn.Exec("SELECT y FROM m.a").One().Get<std::string>("y");
  });
  ASSERT_TRUE(rows.ok()) << rows.status();
  EXPECT_EQ(*rows, "ü;");
}

TEST_F(MigrationsPgTest, ManyMayStartAtOnce) {
  std::atomic<int> failures = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 6; ++i) {
    threads.emplace_back([&] { failures += Apply({kFirst, kSecond}).ok() ? 0 : 1; });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(failures, 0);
}

TEST_F(MigrationsPgTest, AChangedFileIsRefused) {
  ASSERT_TRUE(Apply({kFirst}).ok());
  absl::Status status = Apply({{1, "0001_a", "SELECT 1"}});
  EXPECT_EQ(ErrorReason(status), "MIGRATION_CHANGED");
}

TEST_F(MigrationsPgTest, ADatabaseOfALaterReleaseIsRefused) {
  ASSERT_TRUE(Apply({kFirst, kSecond}).ok());
  EXPECT_EQ(ErrorReason(Apply({kFirst})), "DATABASE_NEWER");
}

TEST_F(MigrationsPgTest, AFailureNamesItsFileAndLeavesNothing) {
  absl::Status status = Apply({kFirst, {2, "0002_bad", "CREATE TABLE m.b (x int); SELEC"}});
  EXPECT_NE(status.message().find("0002_bad"), absl::string_view::npos) << status;
  ASSERT_TRUE(Apply({kFirst, {2, "0002_good", "CREATE TABLE m.b (x int)"}}).ok());
}

TEST_F(MigrationsPgTest, NumbersWithAGapAreRefused) {
  EXPECT_EQ(ErrorReason(Apply({kSecond})), "MIGRATIONS_INVALID");
}

TEST_F(MigrationsPgTest, FilesAreEmbeddedAsTheyAre) {
  ASSERT_EQ(migrations_example::Migrations().size(), 1u);
  EXPECT_EQ(migrations_example::Migrations()[0].name, "0001_odd_characters");
  ASSERT_TRUE(ApplyMigrations(db_.pool(), "example", migrations_example::Migrations()).ok());
  auto value = db_.pool().Run([](Transaction& txn) -> absl::StatusOr<std::string> {
    return txn.Exec("SELECT v FROM example.odd").One().Get<std::string>("v");
  });
  ASSERT_TRUE(value.ok()) << value.status();
  EXPECT_EQ(*value, "a;b \"c\" ${d} \\n [e] )x\" | @f@");
}

}  // namespace
}  // namespace tarn

#include <chrono>
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/clock/fake_clock.h"
#include "common/failpoint/failpoint.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "services/catalog/maintenance/garbage_collector.h"
#include "services/catalog/maintenance/orphan_sweeper.h"
#include "services/catalog/table_manager.h"
#include "services/catalog/testing/catalog_database.h"

namespace tarn::catalog {
namespace {

namespace fs = std::filesystem;

class OrphanSweeperTest : public ::testing::Test {
 protected:
  OrphanSweeperTest() : lake_(*lake::LakePaths::Open(folder_.path())) {
    clock_.SetTime(absl::Now());
    table_ = catalog_.CreateTable("t");
    root_ = fs::path(table_.location).parent_path().string();
  }

  // A file below the table's folder; its path relative to the lake.
  std::string Put(const std::string& below) {
    folder_.WriteFile(root_ + "/" + below, "x");
    return root_ + "/" + below;
  }
  absl::StatusOr<CommitResult> Add(const std::string& request_id, const std::string& path) {
    return catalog_.Commit(Append("t", request_id, {{.path = path, .row_count = 1}}));
  }
  bool Exists(const std::string& path) { return fs::exists(folder_ / path); }

  absl::Status Sweep() {
    OrphanSweeper sweeper(catalog_.pool(), lake_, metrics_, clock_, absl::Hours(24));
    return sweeper.Run(stop_);
  }
  // A sweep, and what the garbage collector then does.
  void Collect() {
    ASSERT_OK(Sweep());
    ASSERT_OK(GarbageCollector(catalog_.pool(), lake_, metrics_).Run());
  }
  void LetTheGraceEnd() { clock_.Advance(absl::Hours(25)); }

  CatalogDatabase catalog_;
  TempDir folder_;
  lake::LakePaths lake_;
  Metrics registry_;
  CatalogMetrics metrics_{registry_};
  FakeClock clock_;
  std::atomic<bool> stop_ = false;
  Table table_;
  std::string root_;
};

TEST_F(OrphanSweeperTest, AFileThatWasPublishedAndNeverCommittedGoesAfterTheGrace) {
  const std::string named = Put("data/dt=1/named.parquet");
  const std::string orphan = Put("data/dt=1/orphan.parquet");
  ASSERT_OK(Add("r1", named));
  Collect();
  EXPECT_TRUE(Exists(orphan));
  LetTheGraceEnd();
  Collect();
  EXPECT_FALSE(Exists(orphan));
  EXPECT_TRUE(Exists(named));
}

TEST_F(OrphanSweeperTest, AFileThatOnlyAnOldSnapshotNamesStays) {
  const std::string removed = Put("data/removed.parquet");
  ASSERT_OK(Add("r1", removed));
  CommitRequest remove = Append("t", "r2", {});
  remove.parameters.operation = SnapshotOperation::kDelete;
  remove.parameters.removed_paths = {removed};
  ASSERT_OK(catalog_.Commit(remove));
  LetTheGraceEnd();
  Collect();
  EXPECT_TRUE(Exists(removed));
}

TEST_F(OrphanSweeperTest, ALateCommitOfAFileThatIsToBeRemovedIsRefused) {
  const std::string orphan = Put("data/late.parquet");
  LetTheGraceEnd();
  ASSERT_OK(Sweep());
  EXPECT_THAT(Add("r1", orphan), StatusIs(absl::StatusCode::kAborted, "COMMIT_CONFLICT"));
}

TEST_F(OrphanSweeperTest, ACommitBetweenTheLookAndTheLockKeepsItsFile) {
  const std::string late = Put("data/late.parquet");
  LetTheGraceEnd();
  {
    // As a kill there: nothing is registered yet.
    failpoint::ScopedFailpoint kill("catalog.orphans.before_register", "error(INTERNAL)");
    EXPECT_FALSE(Sweep().ok());
    EXPECT_EQ(kill.hit_count(), 1);
  }
  ASSERT_OK(Add("r1", late));
  Collect();
  EXPECT_TRUE(Exists(late));
}

TEST_F(OrphanSweeperTest, AKilledSweepIsFinishedByTheNext) {
  const std::string orphan = Put("data/orphan.parquet");
  const std::string staged = Put("staging/q1/part.parquet");
  LetTheGraceEnd();
  {
    failpoint::ScopedFailpoint first("catalog.orphans.before_register", "error(INTERNAL)");
    failpoint::ScopedFailpoint second("catalog.orphans.before_remove", "error(INTERNAL)");
    EXPECT_FALSE(Sweep().ok());
  }
  EXPECT_TRUE(Exists(orphan));
  EXPECT_TRUE(Exists(staged));
  Collect();
  EXPECT_FALSE(Exists(orphan));
  EXPECT_FALSE(Exists(staged));
}

TEST_F(OrphanSweeperTest, StagingOfAWriterThatStillWritesStays) {
  const std::string dead = Put("staging/dead/dt=1/a.parquet");
  const std::string alive = Put("staging/alive/dt=1/a.parquet");
  fs::last_write_time(folder_ / alive, fs::file_time_type::clock::now() + std::chrono::hours(10));
  LetTheGraceEnd();
  ASSERT_OK(Sweep());
  EXPECT_FALSE(Exists(dead));
  EXPECT_TRUE(Exists(alive));
  clock_.Advance(absl::Hours(10));
  ASSERT_OK(Sweep());
  EXPECT_FALSE(Exists(root_ + "/staging/alive"));
}

TEST_F(OrphanSweeperTest, AFolderThatIsNoTablesGoesAsAWhole) {
  const std::string folder = "default/warehouse/d/never_made-0a1b2c3d";
  folder_.WriteFile(folder + "/data/a.parquet", "x");
  folder_.WriteFile("default/warehouse/d/notes.txt", "x");
  folder_.WriteFile("default/warehouse/d/Not A Table-1/data/a", "x");
  folder_.WriteFile("default/landing/d/t-1/data/a.csv", "x");
  Collect();
  EXPECT_TRUE(Exists(folder));
  LetTheGraceEnd();
  Collect();
  EXPECT_FALSE(Exists(folder));
  EXPECT_TRUE(Exists("default/warehouse/d/notes.txt"));
  EXPECT_TRUE(Exists("default/warehouse/d/Not A Table-1/data/a"));
  EXPECT_TRUE(Exists("default/landing/d/t-1/data/a.csv"));
}

TEST_F(OrphanSweeperTest, AFolderWhoseFilesANewTableOfThatNameTookOverStays) {
  const std::string path = "default/warehouse/d/t-0a1b2c3d/data/a.parquet";
  folder_.WriteFile(path, "x");
  ASSERT_OK(Add("r1", path));
  LetTheGraceEnd();
  Collect();
  EXPECT_TRUE(Exists(path));
}

TEST_F(OrphanSweeperTest, LinksAreLeftAlone) {
  TempDir elsewhere;
  elsewhere.WriteFile("a.parquet", "x");
  Put("data/orphan.parquet");
  fs::create_directory_symlink(elsewhere.path(), folder_ / (root_ + "/data/link"));
  LetTheGraceEnd();
  Collect();
  EXPECT_TRUE(fs::exists(elsewhere / "a.parquet"));
  EXPECT_FALSE(Exists(root_ + "/data/orphan.parquet"));
}

TEST_F(OrphanSweeperTest, MoreFilesThanOneBatchAreAllFound) {
  std::vector<DataFile> named;
  for (int i = 0; i < 1500; ++i) {
    const std::string path = Put("data/f" + std::to_string(i) + ".parquet");
    if (i % 3 == 0) named.push_back({.path = path, .row_count = 1});
  }
  ASSERT_OK(catalog_.Commit(Append("t", "r1", named)));
  LetTheGraceEnd();
  ASSERT_OK(Sweep());
  ASSERT_OK_AND_ASSIGN(
      const int64_t garbage, catalog_.pool().Run([](Transaction& txn) -> absl::StatusOr<int64_t> {
        return txn.Exec("SELECT count(*) AS n FROM catalog.garbage").One().Get<int64_t>("n");
      }));
  EXPECT_EQ(garbage, 1000);
}

}  // namespace
}  // namespace tarn::catalog

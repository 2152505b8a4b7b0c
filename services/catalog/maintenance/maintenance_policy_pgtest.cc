#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/testing/status_matchers.h"
#include "services/catalog/maintenance/maintenance_manager.h"
#include "services/catalog/maintenance/maintenance_policy.h"
#include "services/catalog/testing/catalog_database.h"

namespace tarn::catalog {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

class MaintenancePolicyTest : public ::testing::Test {
 protected:
  // `count` files of `bytes` each in one commit; they need not exist to be counted.
  void AppendFiles(int count, int64_t bytes, const std::string& dt) {
    std::vector<DataFile> files;
    const std::string folder = catalog_.GetTable("t").location + "/dt=" + dt;
    for (int i = 0; i < count; ++i) {
      files.push_back({.path = absl::StrCat(folder, "/", ++serial_, ".parquet"),
                       .row_count = 1,
                       .byte_count = bytes,
                       .partition = {{"dt", dt}}});
    }
    ASSERT_OK(catalog_.Commit(Append("t", absl::StrCat("append-", serial_), files)));
  }
  std::vector<MaintenanceJob> Jobs() {
    auto jobs = catalog_.pool().Run(
        [&](Transaction& txn) { return MaintenanceManager(txn).List(catalog_.Key("t"), "", 100); });
    EXPECT_OK(jobs);
    return *jobs;
  }

  CatalogDatabase catalog_;
  MaintenancePolicy policy_{catalog_.pool()};
  int serial_ = 0;
};

TEST_F(MaintenancePolicyTest, ManySmallFilesAreCompactedOnceAtATime) {
  catalog_.CreateTable("t", /*partitioned=*/true);
  AppendFiles(kCompactionMinFiles - 1, 1000, "2024-01-01");
  EXPECT_THAT(policy_.StartCompactions(), IsOkAndHolds(0));
  AppendFiles(1, 1000, "2024-01-01");
  EXPECT_THAT(policy_.StartCompactions(), IsOkAndHolds(1));
  EXPECT_THAT(policy_.StartCompactions(), IsOkAndHolds(0));
  const std::vector<MaintenanceJob> jobs = Jobs();
  ASSERT_THAT(jobs, SizeIs(1));
  EXPECT_EQ(jobs[0].kind, MaintenanceKind::kCompact);
  EXPECT_EQ(jobs[0].target_file_bytes, 16 << 20);
  EXPECT_EQ(jobs[0].owner, catalog_.GetTable("t").owner);
}

TEST_F(MaintenancePolicyTest, FilesAloneInTheirPartitionsAreLeftAlone) {
  catalog_.CreateTable("t", /*partitioned=*/true);
  for (int day = 0; day < kCompactionMinFiles + 8; ++day) {
    AppendFiles(1, 1000, absl::StrCat("2024-", day < 28 ? "01" : "02", "-", 10 + day % 20));
  }
  AppendFiles(4, 1000, "2023-01-01");
  EXPECT_THAT(policy_.StartCompactions(), IsOkAndHolds(0));
}

TEST_F(MaintenancePolicyTest, FilesOfTheFirstTierAreCompactedToTheSecond) {
  catalog_.CreateTable("t", /*partitioned=*/true);
  AppendFiles(kCompactionMinFiles, 16 << 20, "2024-01-01");
  EXPECT_THAT(policy_.StartCompactions(), IsOkAndHolds(1));
  ASSERT_THAT(Jobs(), SizeIs(1));
  EXPECT_EQ(Jobs()[0].target_file_bytes, kDefaultTargetFileBytes);
}

TEST_F(MaintenancePolicyTest, LargeFilesAndTablesThatSaySoAreLeftAlone) {
  catalog_.CreateTable("t", /*partitioned=*/true);
  AppendFiles(kCompactionMinFiles, 250 << 20, "2024-01-01");
  EXPECT_THAT(policy_.StartCompactions(), IsOkAndHolds(0));
  AppendFiles(kCompactionMinFiles, 1000, "2024-01-01");
  ASSERT_OK(catalog_.pool().Run([&](Transaction& txn) {
    txn.Exec(
        "UPDATE catalog.tables SET properties = '{\"tarn.compaction.enabled\": \"false\"}'::jsonb");
    return absl::OkStatus();
  }));
  EXPECT_THAT(policy_.StartCompactions(), IsOkAndHolds(0));
}

TEST_F(MaintenancePolicyTest, OldSnapshotsAreExpiredAndOldJobsForgotten) {
  catalog_.CreateTable("t", /*partitioned=*/true);
  AppendFiles(1, 1000, "2024-01-01");
  AppendFiles(1, 1000, "2024-01-01");
  EXPECT_THAT(policy_.StartExpiries(), IsOkAndHolds(0));
  const auto exec = [&](const std::string& sql) {
    ASSERT_OK(catalog_.pool().Run([&](Transaction& txn) {
      txn.Exec(sql);
      return absl::OkStatus();
    }));
  };
  exec("UPDATE catalog.snapshots SET commit_time = commit_time - interval '2 hours'");
  EXPECT_THAT(policy_.StartExpiries(), IsOkAndHolds(1));
  EXPECT_THAT(policy_.StartExpiries(), IsOkAndHolds(0));
  EXPECT_THAT(policy_.ForgetJobs(), IsOkAndHolds(0));
  exec("UPDATE catalog.maintenance_jobs SET state = 3, end_time = now() - interval '8 days'");
  EXPECT_THAT(policy_.ForgetJobs(), IsOkAndHolds(1));
  EXPECT_THAT(Jobs(), IsEmpty());
}

}  // namespace
}  // namespace tarn::catalog

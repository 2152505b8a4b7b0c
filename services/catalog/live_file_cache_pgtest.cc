// What the cache gives is what PostgreSQL says, whatever happens to the table in between.
#include <random>

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/metrics/metrics.h"
#include "common/testing/status_matchers.h"
#include "services/catalog/catalog_metrics.h"
#include "services/catalog/live_file_cache.h"
#include "services/catalog/maintenance/snapshot_expirer.h"
#include "services/catalog/scan_planner.h"
#include "services/catalog/testing/catalog_database.h"

namespace tarn::catalog {
namespace {

using ::testing::IsEmpty;
using ::testing::Not;

constexpr char kRoot[] = "default/warehouse/d/t-1/data/";

// A file with ids [first, first + 9].
DataFile FileOf(const std::string& name, int64_t first) {
  DataFile file = TestFile(name);
  file.columns = {{1, 0, absl::StrCat(first), absl::StrCat(first + 9)}};
  return file;
}

class LiveFileCacheTest : public ::testing::Test {
 protected:
  LiveFileCacheTest() { catalog_.CreateTable("t"); }

  absl::StatusOr<ScanPlan> Plan(const std::vector<ScanPredicate>& predicates,
                                LiveFileCache* cache) {
    return catalog_.pool().RunReadOnly([&](Transaction& txn) {
      return PlanFiles(txn, {.key = catalog_.Key("t"), .predicates = predicates}, cache);
    });
  }
  void ExpectThatPlansAgree(const std::vector<ScanPredicate>& predicates = {}) {
    ASSERT_OK_AND_ASSIGN(const ScanPlan read, Plan(predicates, nullptr));
    ASSERT_OK_AND_ASSIGN(const ScanPlan cached, Plan(predicates, &cache_));
    EXPECT_EQ(cached.total_files, read.total_files);
    EXPECT_EQ(cached.files, read.files);
  }
  absl::StatusOr<CommitResult> Commit(std::vector<std::string> removed,
                                      std::vector<DataFile> added) {
    const std::string id = absl::StrCat("r", ++commits_);
    CommitRequest request = Append("t", id, std::move(added));
    if (!removed.empty()) {
      request.parameters.operation = SnapshotOperation::kOverwrite;
      request.parameters.base_snapshot_id = catalog_.GetTable("t").current_snapshot->id;
      request.parameters.removed_paths = std::move(removed);
    }
    return catalog_.Commit(request);
  }
  double Reads(const std::string& what) { return metrics_.file_reads.With({what}).Value(); }
  // As if the snapshots had been there for long.
  void Expire(int keep) {
    ASSERT_OK(catalog_.pool().Run([&](Transaction& txn) -> absl::Status {
      txn.Exec("UPDATE catalog.snapshots SET commit_time = commit_time - interval '1 year'");
      txn.Exec(
          "UPDATE catalog.tables SET properties = jsonb_build_object("
          "'tarn.snapshots.min_count', $1::text)",
          absl::StrCat(keep));
      return ExpireSnapshots(txn, catalog_.Key("t")).status();
    }));
  }

  CatalogDatabase catalog_;
  Metrics registry_;
  CatalogMetrics metrics_{registry_};
  LiveFileCache cache_{64 << 20, metrics_};
  int commits_ = 0;
};

TEST_F(LiveFileCacheTest, ReadsWhatHasChangedAlone) {
  ExpectThatPlansAgree();
  ASSERT_OK(Commit({}, {FileOf("a", 0), FileOf("b", 10)}));
  ExpectThatPlansAgree();
  EXPECT_EQ(Reads("all"), 1);
  ExpectThatPlansAgree({{"id", PredicateOperator::kEqual, {"12"}}});
  EXPECT_EQ(Reads("nothing"), 1);
  ASSERT_OK(Commit({std::string(kRoot) + "a"}, {FileOf("c", 20)}));
  ExpectThatPlansAgree({{"id", PredicateOperator::kGreater, {"12"}}});
  EXPECT_EQ(Reads("changes"), 1);
  EXPECT_EQ(Reads("all"), 1);
}

TEST_F(LiveFileCacheTest, ReadsAllAgainWhenWhatWasRemovedIsForgotten) {
  ASSERT_OK(Commit({}, {FileOf("a", 0), FileOf("b", 10)}));
  ExpectThatPlansAgree();
  ASSERT_OK(Commit({std::string(kRoot) + "a"}, {}));
  ASSERT_OK(Commit({}, {FileOf("c", 20)}));
  Expire(1);
  ExpectThatPlansAgree();
  EXPECT_EQ(Reads("all"), 2);
}

TEST_F(LiveFileCacheTest, KeepsNoTableThatDoesNotFit) {
  LiveFileCache small(1000, metrics_);
  ASSERT_OK(Commit({}, {FileOf("a", 0)}));
  ASSERT_OK(Plan({}, &small));
  // Its ranges make it too large.
  for (int i = 0; i < 8; ++i) ASSERT_OK(Commit({}, {FileOf(absl::StrCat("b", i), i)}));
  ASSERT_OK(Plan({{"id", PredicateOperator::kEqual, {"1"}}}, &small));
  ASSERT_OK(Plan({{"id", PredicateOperator::kEqual, {"1"}}}, &small));
  EXPECT_EQ(metrics_.scan_cache_bytes.Value(), 0);
  ASSERT_OK(Commit({}, {FileOf("d", 0), FileOf("e", 0)}));
  const double uncached = Reads("uncached");
  ASSERT_OK_AND_ASSIGN(const ScanPlan plan, Plan({}, &small));
  EXPECT_EQ(plan.files.size(), 11u);
  EXPECT_EQ(Reads("uncached"), uncached + 1);
}

TEST_F(LiveFileCacheTest, AgreesWithPostgresAfterRandomChanges) {
  std::mt19937 random(7);
  const auto below = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
  std::vector<std::string> live;
  int files = 0;
  for (int round = 0; round < 60; ++round) {
    std::vector<DataFile> added;
    // Enough for several chunks in all.
    for (int i = below(60); i > 0; --i, ++files) {
      added.push_back(FileOf(absl::StrCat("f", files), below(1000)));
    }
    std::shuffle(live.begin(), live.end(), random);
    const size_t kept = below(3) == 0 ? live.size() - live.size() / 4 : live.size();
    std::vector<std::string> removed(live.begin() + static_cast<std::ptrdiff_t>(kept), live.end());
    live.resize(kept);
    // The same path may come back.
    if (!removed.empty() && below(2) == 0) {
      const std::string& path = removed.front();
      added.push_back(FileOf(path.substr(sizeof(kRoot) - 1), 5000));
    }
    for (const DataFile& file : added) live.push_back(file.path);
    ASSERT_OK(Commit(removed, added));
    if (below(10) == 0) Expire(1 + below(3));
    if (below(3) > 0) {
      ExpectThatPlansAgree({{"id", PredicateOperator::kGreaterOrEqual, {"300"}},
                            {"id", PredicateOperator::kLess, {absl::StrCat(310 + below(500))}}});
    }
    if (below(10) == 0) ExpectThatPlansAgree();
  }
  EXPECT_GT(Reads("changes"), 10);
  ASSERT_OK_AND_ASSIGN(const ScanPlan plan, Plan({}, &cache_));
  EXPECT_THAT(plan.files, Not(IsEmpty()));
}

}  // namespace
}  // namespace tarn::catalog

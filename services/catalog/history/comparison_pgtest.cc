// Differences of snapshots, and where files came from.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/catalog/history/origin_store.h"
#include "services/catalog/history/snapshot_difference.h"
#include "services/catalog/history/testing/history_test.h"

namespace tarn::catalog {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class ComparisonTest : public HistoryTest {
 protected:
  std::string Uid() {
    if (uid_.empty()) uid_ = catalog_.GetTable("t").uid;
    return uid_;
  }
  template <typename F>
  auto Read(const F& read) {
    Uid();
    auto result = catalog_.pool().RunReadOnly(
        [&](Transaction& txn) -> absl::StatusOr<decltype(read(txn))> { return read(txn); });
    EXPECT_OK(result);
    return *std::move(result);
  }
  DifferenceSummary Summarize(const Snapshot& from, const Snapshot& to, int max_partitions = 10) {
    return Read([&](Transaction& txn) {
      return SnapshotDifference(txn, Uid(), from.sequence_number, to.sequence_number)
          .Summarize(max_partitions);
    });
  }
  // "-a", "+b".
  std::vector<std::string> List(const Snapshot& from, const Snapshot& to,
                                const SnapshotDifference::Position& after = {}, int limit = 100) {
    std::vector<std::string> names;
    for (const FileDifference& file : Read([&](Transaction& txn) {
           return SnapshotDifference(txn, Uid(), from.sequence_number, to.sequence_number)
               .ListFiles(after, limit);
         })) {
      names.push_back((file.added ? "+" : "-") + NameOf(file.file));
    }
    return names;
  }
  std::vector<DataFile> Origins(const OriginFilter& filter, int64_t sequence_number = 1000) {
    return Read([&](Transaction& txn) {
      return OriginStore(txn).List(Uid(), sequence_number, filter, "", 100);
    });
  }
  static std::string NameOf(const DataFile& file) {
    return file.path.substr(file.path.rfind('/') + 1);
  }

  std::string uid_;
};

TEST_F(ComparisonTest, ADifferenceCountsFilesAndRowsOnBothSides) {
  const Snapshot a = Append("a");
  const Snapshot b = Append("b");
  const Snapshot c = Replace("c");
  const DifferenceSummary grown = Summarize(a, b);
  EXPECT_EQ(grown.added, (FileTotals{1, 10, 1000}));
  EXPECT_EQ(grown.removed, (FileTotals{0, 0, 0}));
  EXPECT_EQ(grown.partition_count, 1);
  EXPECT_THAT(List(a, b), ElementsAre("+b"));
  EXPECT_EQ(Summarize(a, c).removed, (FileTotals{1, 10, 1000}));
  EXPECT_THAT(List(a, c), ElementsAre("-a", "+c"));
  EXPECT_THAT(List(c, a), ElementsAre("+a", "-c"));
  EXPECT_EQ(Summarize(c, b).added, (FileTotals{2, 20, 2000}));
  EXPECT_THAT(List(b, b), IsEmpty());
  EXPECT_EQ(Summarize(b, b).added, (FileTotals{0, 0, 0}));
}

TEST_F(ComparisonTest, WhatCameAndWentOrCameBackInBetweenIsNoDifference) {
  const Snapshot a = Append("a");
  Replace("b");
  ASSERT_OK_AND_ASSIGN(const Snapshot back, RollBackTo({.snapshot_id = a.id}));
  EXPECT_THAT(List(a, back), IsEmpty());
  EXPECT_EQ(Summarize(back, a).removed, (FileTotals{0, 0, 0}));
  EXPECT_THAT(List(a, Append("c")), ElementsAre("+c"));
}

TEST_F(ComparisonTest, AFileThatChangedInItsPlaceIsOnBothSides) {
  const Snapshot a = Append("a");
  CommitRequest request = catalog::Append("t", "again", {TestFile("a", 11)});
  request.parameters.operation = SnapshotOperation::kOverwrite;
  request.parameters.remove_all = true;
  ASSERT_OK_AND_ASSIGN(const CommitResult changed, catalog_.Commit(request));
  EXPECT_THAT(List(a, changed.snapshot), ElementsAre("-a", "+a"));
  const SnapshotDifference::Position removed{.path = TestFile("a").path, .added = false};
  EXPECT_THAT(List(a, changed.snapshot, removed), ElementsAre("+a"));
  EXPECT_THAT(List(a, changed.snapshot, {}, 1), ElementsAre("-a"));
}

TEST_F(ComparisonTest, PartitionsAreSummedUpThoseWithTheMostRowsFirst) {
  const Snapshot before = Append("a");
  ASSERT_OK_AND_ASSIGN(const CommitResult after,
                       catalog_.Commit(catalog::Append(
                           "t", "r",
                           {TestFile("b", 5, "2026-01-01"), TestFile("c", 50, "2026-01-02"),
                            TestFile("d", 6, "2026-01-01")})));
  const DifferenceSummary all = Summarize(before, after.snapshot);
  EXPECT_EQ(all.partition_count, 2);
  ASSERT_THAT(all.partitions, SizeIs(2));
  EXPECT_EQ(all.partitions[0].partition, (PartitionTuple{{"dt", "2026-01-02"}}));
  EXPECT_EQ(all.partitions[0].added, (FileTotals{1, 50, 5000}));
  EXPECT_EQ(all.partitions[1].added, (FileTotals{2, 11, 1100}));
  const DifferenceSummary first = Summarize(before, after.snapshot, 1);
  EXPECT_THAT(first.partitions, SizeIs(1));
  EXPECT_EQ(first.partition_count, 2);
  EXPECT_EQ(first.added, (FileTotals{3, 61, 6100}));
}

TEST_F(ComparisonTest, RowsThatAreNotCountedMakeASumUnknown) {
  const Snapshot before = Append("a");
  DataFile file = TestFile("b");
  file.row_count = -1;
  ASSERT_OK_AND_ASSIGN(const CommitResult after,
                       catalog_.Commit(catalog::Append("t", "r", {file})));
  EXPECT_EQ(Summarize(before, after.snapshot).added.row_count, -1);
}

TEST_F(ComparisonTest, AFileKnowsWhatMadeIt) {
  CommitRequest delivery = catalog::Append("t", "r1", {TestFile("a", 7)});
  delivery.parameters.summary = {{"stream", "streams/s"}};
  delivery.parameters.log_range = {"log-1", 3, 10};
  ASSERT_OK_AND_ASSIGN(const CommitResult delivered, catalog_.Commit(delivery));
  CommitRequest load = catalog::Append("t", "r2", {TestFile("b")});
  load.parameters.summary = {{"query", "queries/1"}, {"cause", "pipelines/p/runs/r/load"}};
  ASSERT_OK_AND_ASSIGN(const CommitResult loaded, catalog_.Commit(load));
  const FileOrigin stream{.kind = OriginKind::kStream,
                          .source = "streams/s",
                          .committed_by = "ada",
                          .log_range = FileOrigin::LogRange{"log-1", 3, 10},
                          .row_count = 7,
                          .first_commit_time = delivered.snapshot.commit_time,
                          .last_commit_time = delivered.snapshot.commit_time};
  const std::vector<DataFile> all = Origins({});
  ASSERT_THAT(all, SizeIs(2));
  EXPECT_THAT(all[0].origins, ElementsAre(stream));
  EXPECT_EQ(all[1].origins.at(0).cause, "pipelines/p/runs/r/load");

  EXPECT_THAT(Origins({.path = TestFile("a").path}), SizeIs(1));
  EXPECT_THAT(Origins({.source = "streams/s"}), SizeIs(1));
  EXPECT_THAT(Origins({.source = "queries/1"}), SizeIs(1));
  EXPECT_THAT(Origins({.source = "pipelines/p"}), SizeIs(1));
  EXPECT_THAT(Origins({.source = "pipelines/p/runs/r/load"}), SizeIs(1));
  EXPECT_THAT(Origins({.source = "pipelines"}), SizeIs(1));
  EXPECT_THAT(Origins({.source = "pipelines/p/runs/r/l"}), IsEmpty());
  EXPECT_THAT(Origins({}, delivered.snapshot.sequence_number), SizeIs(1));
  const absl::Time then = delivered.snapshot.commit_time;
  EXPECT_EQ(NameOf(Origins({.start_time = then, .end_time = loaded.snapshot.commit_time}).at(0)),
            "a");
  EXPECT_THAT(Origins({.end_time = then}), IsEmpty());
}

TEST_F(ComparisonTest, AnOriginOfSeveralCommitsIsFoundByItsOwnTimes) {
  const absl::Time monday = absl::FromCivil(absl::CivilDay(2026, 11, 16), absl::UTCTimeZone());
  DataFile file = TestFile("a", 30);
  for (int day = 0; day < 3; ++day) {
    const absl::Time time = monday + absl::Hours(24 * day + 8);
    file.origins.push_back({.kind = OriginKind::kStream,
                            .source = "streams/s",
                            .row_count = 10,
                            .first_commit_time = time,
                            .last_commit_time = time + absl::Hours(1)});
  }
  file.origins.push_back({.kind = OriginKind::kStream, .source = "streams/s", .row_count = -1});
  ASSERT_OK(catalog_.Commit(catalog::Append("t", "r", {file})));
  EXPECT_EQ(Origins({}).at(0).origins, file.origins);
  const std::vector<DataFile> tuesday =
      Origins({.start_time = monday + absl::Hours(24), .end_time = monday + absl::Hours(48)});
  ASSERT_THAT(tuesday, SizeIs(1));
  EXPECT_THAT(tuesday[0].origins, ElementsAre(file.origins[1]));
  EXPECT_THAT(Origins({.start_time = monday + absl::Hours(96)}), IsEmpty());
}

TEST_F(ComparisonTest, AFileOfBeforeHasAnUnknownOrigin) {
  Append("a");
  Exec("UPDATE catalog.data_files SET origins = NULL");
  const FileOrigin origin = Origins({}).at(0).origins.at(0);
  EXPECT_EQ(origin.kind, OriginKind::kUnknown);
  EXPECT_EQ(origin.row_count, 10);
  EXPECT_THAT(Origins({.source = "streams/s"}), IsEmpty());
}

}  // namespace
}  // namespace tarn::catalog

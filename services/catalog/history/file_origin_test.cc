#include "services/catalog/history/file_origin.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/catalog/history/commit_origin.h"
#include "services/catalog/json_columns.h"
#include "services/catalog/table_store.h"

namespace tarn::catalog {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

const absl::Time kMorning = absl::FromCivil(absl::CivilHour(2026, 11, 21, 8), absl::UTCTimeZone());

FileOrigin Delivery(int64_t from, int64_t to, absl::Time time = kMorning, int64_t rows = 10) {
  return {.kind = OriginKind::kStream,
          .source = "streams/s",
          .log_range = FileOrigin::LogRange{"log-1", from, to},
          .row_count = rows,
          .first_commit_time = time,
          .last_commit_time = time};
}

FileOrigin Query(const std::string& id, absl::Time time = kMorning) {
  return {.kind = OriginKind::kQuery,
          .source = "queries/" + id,
          .committed_by = "ada",
          .row_count = 1,
          .first_commit_time = time,
          .last_commit_time = time};
}

TEST(FileOriginTest, DeliveriesThatFollowEachOtherOnADayBecomeOne) {
  const FileOrigin all =
      MergeOrigins({Delivery(20, 30, kMorning + absl::Hours(2)), Delivery(0, 10), Delivery(10, 20)})
          .at(0);
  EXPECT_EQ(all.log_range, (FileOrigin::LogRange{"log-1", 0, 30}));
  EXPECT_EQ(all.row_count, 30);
  EXPECT_EQ(all.first_commit_time, kMorning);
  EXPECT_EQ(all.last_commit_time, kMorning + absl::Hours(2));
}

TEST(FileOriginTest, OtherDaysGapsAndSourcesStayApart) {
  FileOrigin other = Delivery(10, 20);
  other.source = "streams/t";
  EXPECT_THAT(MergeOrigins({Delivery(0, 10), Delivery(10, 20, kMorning + absl::Hours(16))}),
              SizeIs(2));
  EXPECT_THAT(MergeOrigins({Delivery(0, 10), Delivery(11, 20)}), SizeIs(2));
  EXPECT_THAT(MergeOrigins({Delivery(0, 10), other, Query("1")}), SizeIs(3));
}

TEST(FileOriginTest, WhatIsNotKnownOfAPartIsNotKnownOfTheWhole) {
  FileOrigin dark = Query("1");
  dark.row_count = -1;
  EXPECT_EQ(MergeOrigins({Query("1"), dark}).at(0).row_count, -1);
  EXPECT_THAT(MergeOrigins({}), SizeIs(0));
  FileOrigin undated = Query("1");
  undated.first_commit_time = undated.last_commit_time = std::nullopt;
  EXPECT_THAT(MergeOrigins({Query("1"), undated, undated}), SizeIs(2));
}

TEST(FileOriginTest, TheOldestOfVeryManyBecomeOneWithWhatTheyHaveInCommon) {
  std::vector<FileOrigin> origins;
  for (int i = 0; i < 1000; ++i) {
    origins.push_back(Query(std::to_string(i), kMorning + absl::Seconds(i)));
  }
  const std::vector<FileOrigin> merged = MergeOrigins(origins);
  ASSERT_THAT(merged, SizeIs(kMaxOrigins));
  EXPECT_EQ(merged[0].kind, OriginKind::kQuery);
  EXPECT_EQ(merged[0].source, "");
  EXPECT_EQ(merged[0].committed_by, "ada");
  EXPECT_EQ(merged[0].row_count, 1000 - 255);
  EXPECT_EQ(merged[0].first_commit_time, kMorning);
  EXPECT_EQ(merged[0].last_commit_time, kMorning + absl::Seconds(1000 - 256));
  EXPECT_EQ(merged.back().source, "queries/999");
}

TEST(FileOriginTest, StoredOriginsAreReadAsTheyWere) {
  FileOrigin short_one = Query("2");
  short_one.row_count = std::nullopt;
  short_one.first_commit_time = short_one.last_commit_time = std::nullopt;
  short_one.cause = "pipelines/p/runs/r/load";
  FileOrigin dark = Query("3");
  dark.row_count = -1;
  const std::vector<FileOrigin> origins = {Delivery(0, 5), Query("1"), short_one, dark, {}};
  EXPECT_EQ(OriginsFromJson(OriginsToJson(origins)), origins);
}

TEST(CommitOriginTest, TheSummarySaysWhatMadeTheFiles) {
  const auto origin = [](std::map<std::string, std::string> summary) {
    return OriginOf({.summary = std::move(summary), .committed_by = "ada"});
  };
  FileOrigin expected{.kind = OriginKind::kStream, .source = "streams/s", .committed_by = "ada"};
  EXPECT_EQ(origin({{"stream", "streams/s"}}), expected);
  expected.kind = OriginKind::kReprocess;
  expected.cause = "streams/s/reprocesses/1";
  EXPECT_EQ(origin({{"stream", "streams/s"}, {"reprocess", "1"}}), expected);
  expected = {.kind = OriginKind::kQuery,
              .source = "queries/1",
              .cause = "pipelines/p/runs/r/load",
              .committed_by = "ada"};
  EXPECT_EQ(origin({{"query", "queries/1"}, {"cause", "pipelines/p/runs/r/load"}}), expected);
  expected = {.kind = OriginKind::kCrawl,
              .source = "crawlers/c",
              .cause = "crawlers/c/crawls/1",
              .committed_by = "ada"};
  EXPECT_EQ(origin({{"crawl", "crawlers/c/crawls/1"}}), expected);
  EXPECT_EQ(origin({}), (FileOrigin{.kind = OriginKind::kClient, .committed_by = "ada"}));
  EXPECT_EQ(OriginOf({.log_range = CommitParameters::LogRange{"l", 1, 2}}).log_range,
            (FileOrigin::LogRange{"l", 1, 2}));
}

}  // namespace
}  // namespace tarn::catalog

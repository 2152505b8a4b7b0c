#include "services/ingestion/wal/write_ahead_log.h"

#include <filesystem>
#include <fstream>
#include <future>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/clock/fake_clock.h"
#include "common/ids/ids.h"
#include "common/metrics/metrics.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "common/wal/wal_folder.h"
#include "services/ingestion/wal/log_id.h"
#include "services/ingestion/wal/testing/write_ahead_log_fixture.h"

namespace tarn::ingestion {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

namespace fs = std::filesystem;

TEST(LogIdTest, IsAStableUuidOfLogAndStream) {
  EXPECT_EQ(LogIdOf("a", "b"), LogIdOf("a", "b"));
  EXPECT_NE(LogIdOf("a", "b"), LogIdOf("a", "c"));
  EXPECT_NE(LogIdOf("a", "b"), LogIdOf("c", "b"));
  EXPECT_TRUE(IsUuid(LogIdOf("a", "b")));
}

TEST_F(WriteAheadLogTest, NumbersTheRecordsOfEachStreamFromZero) {
  Open();
  EXPECT_EQ(Put("a", {"1", "2"})->first_position, 0u);
  EXPECT_EQ(Put("b", {"x"})->first_position, 0u);
  EXPECT_EQ(Put("a", {"3"})->first_position, 2u);
  EXPECT_THAT(Read("a"), ElementsAre("0:1", "1:2", "2:3"));
  EXPECT_THAT(Read("a", 1), ElementsAre("1:2", "2:3"));
  EXPECT_THAT(Read("b"), ElementsAre("0:x"));
}

TEST_F(WriteAheadLogTest, HoldsItsRecordsAcrossARestart) {
  Open();
  ASSERT_OK(Put("a", {"1", "2"}));
  const std::string uuid = log_->uuid();
  Open();
  EXPECT_EQ(log_->uuid(), uuid);
  EXPECT_THAT(Read("a"), ElementsAre("0:1", "1:2"));
  EXPECT_EQ(Put("a", {"3"})->first_position, 2u);
}

TEST_F(WriteAheadLogTest, ReadsBackWhatIsNotInMemory) {
  Open(64 << 20, 0);
  ASSERT_OK(Put("a", {"1", "2"}));
  EXPECT_THAT(Read("a"), ElementsAre("0:1", "1:2"));
}

TEST_F(WriteAheadLogTest, OneFlushServesAllThatCameMeanwhile) {
  Open();
  disk_.HoldSync(true);
  std::vector<std::future<absl::StatusOr<AppendOutcome>>> answers;
  const auto append = [&](const std::string& record) {
    auto promise = std::make_shared<std::promise<absl::StatusOr<AppendOutcome>>>();
    answers.push_back(promise->get_future());
    log_->Append({"default", "a", "", 0}, std::vector<std::string_view>{record},
                 [promise](absl::StatusOr<AppendOutcome> outcome) { promise->set_value(outcome); });
  };
  append("first");
  disk_.WaitForSyncs(1);
  for (int i = 0; i < 50; ++i) append("more");
  for (auto& answer : answers) {
    EXPECT_EQ(answer.wait_for(std::chrono::seconds(0)), std::future_status::timeout)
        << "acknowledged before the flush";
  }
  disk_.HoldSync(false);
  for (auto& answer : answers) EXPECT_OK(answer.get());
  EXPECT_EQ(disk_.sync_count(), 2);
}

TEST_F(WriteAheadLogTest, CutsATornTail) {
  Open();
  ASSERT_OK(Put("a", {"1"}));
  ASSERT_OK(Put("a", {"second"}));
  log_.reset();
  CutInto(Segments().back(), "second");
  Open();
  EXPECT_GT(log_->open_report().torn_bytes, 0u);
  EXPECT_EQ(log_->open_report().damaged_bytes, 0u);
  EXPECT_THAT(Read("a"), ElementsAre("0:1"));
  EXPECT_EQ(Put("a", {"again"})->first_position, 1u);
  Open();
  EXPECT_THAT(Read("a"), ElementsAre("0:1", "1:again"));
}

TEST_F(WriteAheadLogTest, SalvagesWhatFollowsADamagedMiddle) {
  Open();
  ASSERT_OK(Put("a", {"one"}));
  ASSERT_OK(Put("a", {"two", "too"}));
  ASSERT_OK(Put("a", {"three"}));
  log_.reset();
  Damage(Segments().back(), "two");
  Open();
  EXPECT_GT(log_->open_report().damaged_bytes, 0u);
  ASSERT_EQ(log_->open_report().quarantined.size(), 1u);
  EXPECT_TRUE(fs::exists(log_->open_report().quarantined[0]));
  EXPECT_THAT(Read("a"), ElementsAre("0:one", "1:LOST", "2:LOST", "3:three"));
}

TEST_F(WriteAheadLogTest, AFullDiskStoresNothingAndRecovers) {
  Open();
  ASSERT_OK(Put("a", {"1"}));
  disk_.SetFreeBytes(60);
  EXPECT_THAT(Put("a", {"2"}), StatusIs(absl::StatusCode::kResourceExhausted, "DISK_FULL"));
  disk_.SetFreeBytes(1 << 20);
  EXPECT_EQ(Put("a", {"3"})->first_position, 1u);
  Open();
  EXPECT_THAT(Read("a"), ElementsAre("0:1", "1:3"));
}

TEST_F(WriteAheadLogTest, AFailedFlushAcknowledgesNothing) {
  Open();
  ASSERT_OK(Put("a", {"1"}));
  disk_.SetSyncFails(true);
  EXPECT_FALSE(Put("a", {"2"}, "r", 7).ok());
  disk_.SetSyncFails(false);
  auto retry = Put("a", {"2"}, "r", 7);
  ASSERT_OK(retry);
  EXPECT_FALSE(retry->replayed);
  EXPECT_EQ(retry->first_position, 1u);
  Open();
  EXPECT_THAT(Read("a"), ElementsAre("0:1", "1:2"));
}

TEST_F(WriteAheadLogTest, ARequestIdStoresOnceAlsoAcrossARestart) {
  Open();
  ASSERT_OK(Put("a", {"1"}));
  ASSERT_OK(Put("a", {"2"}, "r", 7));
  const auto expect_replay = [&] {
    auto again = Put("a", {"2"}, "r", 7);
    ASSERT_OK(again);
    EXPECT_TRUE(again->replayed);
    EXPECT_EQ(again->first_position, 1u);
  };
  expect_replay();
  EXPECT_THAT(Put("a", {"other"}, "r", 8),
              StatusIs(absl::StatusCode::kFailedPrecondition, "REQUEST_ID_REUSED"));
  EXPECT_FALSE(Put("b", {"2"}, "r", 7)->replayed) << "another stream";
  Open();
  expect_replay();
  EXPECT_THAT(Read("a"), ElementsAre("0:1", "1:2"));
}

TEST_F(WriteAheadLogTest, ARequestIdOutlivesItsSegmentForADay) {
  Open(1);  // a segment for each group
  ASSERT_OK(Put("a", {"1"}, "r", 7));
  ASSERT_OK(Put("a", {"2"}));
  log_->SetDelivered("default", "a", 2);
  ASSERT_OK(log_->RemoveDeliveredSegments());
  EXPECT_EQ(Segments().size(), 1u);
  Open(1);
  EXPECT_TRUE(Put("a", {"1"}, "r", 7)->replayed);
  clock_.Advance(absl::Hours(25));
  EXPECT_FALSE(Put("a", {"1"}, "r", 7)->replayed);
}

TEST_F(WriteAheadLogTest, TheIdOfAReplayIsRememberedForAMonth) {
  Open(1);
  const std::string replay = std::string(kReplayPrefix) + "x";
  ASSERT_OK(Put("a", {"1"}, replay, 7));
  ASSERT_OK(Put("a", {"2"}, "r", 8));
  ASSERT_OK(Put("a", {"3"}));
  log_->SetDelivered("default", "a", 3);
  ASSERT_OK(log_->RemoveDeliveredSegments());
  for (int day = 0; day < 29; ++day) {
    clock_.Advance(absl::Hours(24));
    for (const auto& file : std::filesystem::directory_iterator(dir_ / "wal")) {
      if (file.path().extension() != wal::kRequestsSuffix) continue;
      std::filesystem::last_write_time(
          file.path(), std::filesystem::file_time_type::clock::now() - std::chrono::hours(26));
    }
    ASSERT_OK(log_->RemoveDeliveredSegments());
    Open(1);
    ASSERT_TRUE(Put("a", {"1"}, replay, 7)->replayed) << day;
  }
  EXPECT_FALSE(Put("a", {"2"}, "r", 8)->replayed);
  clock_.Advance(absl::Hours(48));
  ASSERT_OK(log_->RemoveDeliveredSegments());
  EXPECT_FALSE(Put("a", {"1"}, replay, 7)->replayed);
}

TEST_F(WriteAheadLogTest, ARetryWhileTheFirstIsBeingWrittenGetsItsAnswer) {
  Open();
  disk_.HoldSync(true);
  auto first = std::async(std::launch::async, [&] { return Put("a", {"1"}, "r", 7); });
  disk_.WaitForSyncs(1);
  auto second = std::async(std::launch::async, [&] { return Put("a", {"1"}, "r", 7); });
  auto other = std::async(std::launch::async, [&] { return Put("a", {"x"}, "r", 8); });
  EXPECT_THAT(other.get(), StatusIs(absl::StatusCode::kFailedPrecondition, "REQUEST_ID_REUSED"));
  disk_.HoldSync(false);
  EXPECT_EQ(first.get()->first_position, 0u);
  EXPECT_EQ(second.get()->first_position, 0u);
  EXPECT_THAT(Read("a"), ElementsAre("0:1"));
}

TEST_F(WriteAheadLogTest, SegmentsGoWhenAllOfTheirRecordsAreDelivered) {
  Open(1);
  ASSERT_OK(Put("a", {"1"}));
  ASSERT_OK(Put("b", {"1"}));
  ASSERT_OK(Put("a", {"2"}));
  EXPECT_EQ(Segments().size(), 3u);
  log_->SetDelivered("default", "a", 2);
  ASSERT_OK(log_->RemoveDeliveredSegments());
  EXPECT_EQ(Segments().size(), 2u) << "b's segment and the newest stay";
  log_->SetDelivered("default", "b", 1);
  ASSERT_OK(log_->RemoveDeliveredSegments());
  EXPECT_EQ(Segments().size(), 1u);
  Open(1);
  EXPECT_EQ(Put("a", {"3"})->first_position, 2u) << "positions outlive their segments";
  EXPECT_EQ(Put("b", {"2"})->first_position, 1u);
}

TEST_F(WriteAheadLogTest, PositionsOutliveASegmentWhoseFirstWriteFailed) {
  Open(1);
  ASSERT_OK(Put("a", {"1", "2"}));
  disk_.SetFreeBytes(0);
  EXPECT_FALSE(Put("a", {"3"}).ok());
  log_->SetDelivered("default", "a", 2);
  ASSERT_OK(log_->RemoveDeliveredSegments());
  disk_.SetFreeBytes(1 << 20);
  Open(1);
  EXPECT_EQ(Put("a", {"3"})->first_position, 2u);
}

TEST_F(WriteAheadLogTest, RefusesRecordsWhenTooMuchIsUndelivered) {
  max_bytes_ = 300;
  Open();
  ASSERT_OK(Put("a", {std::string(400, 'x')}));
  EXPECT_THAT(Put("a", {"1"}), StatusIs(absl::StatusCode::kResourceExhausted, "WAL_FULL"));
}

TEST_F(WriteAheadLogTest, BelongsToOneProcess) {
  Open();
  WriteAheadLogOptions options;
  options.folder = dir_ / "wal";
  EXPECT_THAT(WriteAheadLog::Open(options, clock_, metrics_).status(),
              StatusIs(absl::StatusCode::kFailedPrecondition, "WAL_IN_USE"));
}

TEST_F(WriteAheadLogTest, AStreamWithUndeliveredRecordsIsNotClosed) {
  Open();
  ASSERT_OK(Put("a", {"1"}));
  EXPECT_FALSE(log_->CloseStreams({"b", "a"}));
  EXPECT_OK(Put("b", {"1"}));
  log_->SetDelivered("default", "a", 1);
  EXPECT_TRUE(log_->CloseStreams({"a"}));
  EXPECT_THAT(Put("a", {"2"}), StatusIs(absl::StatusCode::kNotFound, "STREAM_NOT_FOUND"));
}

TEST_F(WriteAheadLogTest, TellsWhatIsUndelivered) {
  Open();
  EXPECT_THAT(log_->UndeliveredStreams(), IsEmpty());
  ASSERT_OK(Put("a", {"1", "2"}));
  Open();
  EXPECT_THAT(log_->UndeliveredStreams(), ElementsAre(std::pair("default", "a")));
  const StreamBacklog backlog = log_->Backlog("a");
  EXPECT_EQ(backlog.end_position, 2u);
  EXPECT_EQ(backlog.delivered_position, 0u);
  EXPECT_EQ(backlog.oldest, clock_.Now());
}

TEST_F(WriteAheadLogTest, TellsWhatIsUndeliveredFromAPositionOn) {
  Open();
  const absl::Time start = clock_.Now();
  ASSERT_OK(Put("a", {"1", "2"}));
  const uint64_t bytes = log_->Backlog("a").bytes;
  clock_.Advance(absl::Seconds(1));
  ASSERT_OK(Put("a", {"3", "4"}));
  EXPECT_EQ(log_->Backlog("a", 1).bytes, 2 * bytes);
  EXPECT_EQ(log_->Backlog("a", 2).bytes, bytes);
  EXPECT_EQ(log_->Backlog("a", 2).oldest, start + absl::Seconds(1));
  EXPECT_EQ(log_->Backlog("a", 4).bytes, 0u);
  log_->SetDelivered("default", "a", 2);
  EXPECT_EQ(log_->Backlog("a").bytes, bytes);
  EXPECT_EQ(log_->Backlog("a", 3).bytes, bytes);
  EXPECT_EQ(log_->PositionAt("a", start), 2u);
  EXPECT_EQ(log_->PositionAt("a", start + absl::Seconds(2)), 4u);
  EXPECT_EQ(log_->PositionAt("b", start), 0u);
}

TEST_F(WriteAheadLogTest, AClockThatGoesBackDoesNotPutRecordsIntoATimeThatIsClosed) {
  Open();
  const absl::Time end = clock_.Now();
  clock_.Advance(absl::Seconds(1));
  ASSERT_OK(Put("a", {"1"}));
  EXPECT_EQ(log_->EndBefore("a", end), 0u);
  clock_.SetTime(end - absl::Hours(1));
  ASSERT_OK(Put("a", {"2", "3"}));
  EXPECT_EQ(log_->EndBefore("a", end), 3u);
  EXPECT_TRUE(log_->StampFrom(end));
  ASSERT_OK(Put("a", {"4"}));
  EXPECT_EQ(log_->EndBefore("a", end), 3u);
  EXPECT_EQ(log_->Backlog("a", 3).oldest, end);
  // An earlier one opens nothing again.
  EXPECT_TRUE(log_->StampFrom(end - absl::Hours(2)));
  ASSERT_OK(Put("a", {"5"}));
  EXPECT_EQ(log_->Backlog("a", 4).oldest, end);
  clock_.SetTime(end + absl::Seconds(5));
  ASSERT_OK(Put("a", {"6"}));
  EXPECT_EQ(log_->Backlog("a", 5).oldest, end + absl::Seconds(5));
  EXPECT_EQ(log_->EndBefore("b", end), 0u);
}

TEST_F(WriteAheadLogTest, GivesPositionsThatAreReservedToNobody) {
  Open();
  log_->ReservePositions("default", "a", 7);
  ASSERT_OK_AND_ASSIGN(const AppendOutcome outcome, Put("a", {"1"}));
  EXPECT_EQ(outcome.first_position, 7u);
  EXPECT_EQ(log_->Backlog("a").delivered_position, 0u);
}

}  // namespace
}  // namespace tarn::ingestion

// What the log does with batches that bear a producer's sequence.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/status/error.h"
#include "services/ingestion/wal/testing/write_ahead_log_fixture.h"

namespace tarn::ingestion {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

using ProducerTest = WriteAheadLogTest;

TEST_F(ProducerTest, StoresEachSequenceOnce) {
  Open();
  EXPECT_EQ(Last("p"), 0u);
  EXPECT_EQ(Send("p", 1, {"1", "2"})->first_position, 0u);
  EXPECT_EQ(Send("p", 2, {"3"})->first_position, 2u);
  const auto again = Send("p", 1, {"1", "2"});
  ASSERT_OK(again);
  EXPECT_TRUE(again->replayed);
  EXPECT_TRUE(again->positions_known);
  EXPECT_EQ(again->first_position, 0u);
  EXPECT_EQ(Last("p"), 2u);
  EXPECT_THAT(Read("a"), ElementsAre("0:1", "1:2", "2:3"));
}

TEST_F(ProducerTest, AnOldSequenceIsKnownToBeStoredEvenWhereItsPositionsAreNot) {
  Open();
  for (uint64_t sequence = 1; sequence <= 30; ++sequence) ASSERT_OK(Send("p", sequence, {"x"}));
  const auto again = Send("p", 1, {"x"});
  ASSERT_OK(again);
  EXPECT_TRUE(again->replayed);
  EXPECT_FALSE(again->positions_known);
  EXPECT_EQ(Read("a").size(), 30u);
}

TEST_F(ProducerTest, AGapIsRefusedWithTheExpectedSequence) {
  Open();
  const auto check = [&](uint64_t sequence, const char* expected) {
    const auto refused = Send("p", sequence, {"x"});
    EXPECT_THAT(refused, StatusIs(absl::StatusCode::kOutOfRange, "SEQUENCE_GAP"));
    EXPECT_THAT(ErrorMetadataOf(refused.status()),
                ::testing::Contains(Pair("expected_sequence", expected)));
  };
  check(2, "1");
  ASSERT_OK(Send("p", 1, {"x"}));
  check(3, "2");
  EXPECT_THAT(Read("a"), ElementsAre("0:x"));
}

TEST_F(ProducerTest, OtherRecordsUnderAStoredSequenceAreRefused) {
  Open();
  ASSERT_OK(Send("p", 1, {"x"}));
  EXPECT_THAT(Send("p", 1, {"y"}),
              StatusIs(absl::StatusCode::kFailedPrecondition, "SEQUENCE_REUSED"));
  EXPECT_THAT(Read("a"), ElementsAre("0:x"));
}

TEST_F(ProducerTest, ProducersAndStreamsDoNotShareSequences) {
  Open();
  ASSERT_OK(Send("p", 1, {"1"}));
  ASSERT_OK(Send("q", 1, {"2"}));
  ASSERT_OK(Send("p", 1, {"3"}, "b"));
  EXPECT_THAT(Read("a"), ElementsAre("0:1", "1:2"));
  EXPECT_THAT(Read("b"), ElementsAre("0:3"));
}

TEST_F(ProducerTest, ABatchWithoutRecordsTakesUpItsSequence) {
  Open();
  ASSERT_OK(Send("p", 1, {}));
  EXPECT_TRUE(log_->UndeliveredStreams().empty());
  Open();
  EXPECT_EQ(Last("p"), 1u);
  ASSERT_OK(Send("p", 2, {"x"}));
  EXPECT_TRUE(Send("p", 1, {})->replayed);
  EXPECT_THAT(Read("a"), ElementsAre("0:x"));
}

TEST_F(ProducerTest, SequencesOutliveARestartAndTheirSegments) {
  Open(1);  // a segment for each group
  ASSERT_OK(Send("p", 1, {"1"}));
  ASSERT_OK(Send("p", 2, {"2"}));
  ASSERT_OK(Put("a", {"3"}));
  Open(1);
  EXPECT_EQ(Last("p"), 2u);
  EXPECT_EQ(Send("p", 2, {"2"})->first_position, 1u);
  log_->SetDelivered("default", "a", 3);
  ASSERT_OK(log_->RemoveDeliveredSegments());
  EXPECT_EQ(Segments().size(), 1u);
  Open(1);
  EXPECT_EQ(Last("p"), 2u);
  const auto again = Send("p", 2, {"2"});
  ASSERT_OK(again);
  EXPECT_TRUE(again->replayed);
  EXPECT_EQ(again->first_position, 1u);
  EXPECT_FALSE(Send("p", 1, {"1"})->positions_known);
  EXPECT_EQ(Send("p", 3, {"4"})->first_position, 3u);
}

TEST_F(ProducerTest, IsForgottenADayAfterItsLastBatch) {
  Open();
  ASSERT_OK(Send("p", 1, {"1"}));
  clock_.Advance(absl::Hours(23));
  ASSERT_OK(Send("p", 2, {"2"}));
  clock_.Advance(absl::Hours(23));
  EXPECT_EQ(Last("p"), 2u);
  clock_.Advance(absl::Hours(2));
  EXPECT_EQ(Last("p"), 0u);
  EXPECT_THAT(Send("p", 3, {"3"}), StatusIs(absl::StatusCode::kOutOfRange, "SEQUENCE_GAP"));
  EXPECT_FALSE(Send("p", 1, {"3"})->replayed);
  Open();
  EXPECT_EQ(Last("p"), 1u) << "the log shows that it began again";
}

TEST_F(ProducerTest, ASequenceThatIsBeingWrittenIsStoredOnce) {
  Open();
  disk_.HoldSync(true);
  auto first = SendLater("p", 1, {"1"});
  disk_.WaitForSyncs(1);
  auto twin = SendLater("p", 1, {"1"});
  EXPECT_THAT(SendLater("p", 1, {"other"}).get(),
              StatusIs(absl::StatusCode::kFailedPrecondition, "SEQUENCE_REUSED"));
  auto second = SendLater("p", 2, {"2"});
  auto second_twin = SendLater("p", 2, {"2"});
  EXPECT_THAT(SendLater("p", 4, {"4"}).get(),
              StatusIs(absl::StatusCode::kOutOfRange, "SEQUENCE_GAP"));
  EXPECT_EQ(Last("p"), 0u) << "not before it is durable";
  disk_.HoldSync(false);
  EXPECT_FALSE(first.get()->replayed);
  const auto answer = twin.get();
  EXPECT_TRUE(answer->replayed);
  EXPECT_EQ(answer->first_position, 0u);
  EXPECT_EQ(second.get()->first_position, 1u);
  EXPECT_TRUE(second_twin.get()->replayed);
  EXPECT_THAT(Read("a"), ElementsAre("0:1", "1:2"));
}

TEST_F(ProducerTest, WhatIsBehindABatchThatFailedFailsToo) {
  Open();
  ASSERT_OK(Send("p", 1, {"1"}));
  disk_.HoldSync(true);
  auto second = SendLater("p", 2, {"2"});
  disk_.WaitForSyncs(2);
  auto third = SendLater("p", 3, {"3"});  // in the next group
  auto other = SendLater("q", 1, {"q"});
  disk_.FailSyncs(2);  // the one that is held, and that of cutting the tail
  disk_.HoldSync(false);
  EXPECT_FALSE(second.get().ok());
  EXPECT_FALSE(third.get().ok());
  EXPECT_OK(other.get()) << "a producer of its own";
  EXPECT_EQ(Last("p"), 1u);
  EXPECT_THAT(Send("p", 3, {"3"}), StatusIs(absl::StatusCode::kOutOfRange, "SEQUENCE_GAP"));
  ASSERT_OK(Send("p", 2, {"2"}));
  ASSERT_OK(Send("p", 3, {"3"}));
  EXPECT_THAT(Read("a"), ElementsAre("0:1", "1:q", "2:2", "3:3"));
  Open();
  EXPECT_EQ(Last("p"), 3u);
  EXPECT_THAT(Read("a"), ElementsAre("0:1", "1:q", "2:2", "3:3"));
}

TEST_F(ProducerTest, ManyPipelinedBatchesKeepTheirOrder) {
  Open(4096);
  std::vector<std::future<absl::StatusOr<AppendOutcome>>> answers;
  for (uint64_t sequence = 1; sequence <= 300; ++sequence) {
    answers.push_back(SendLater("p", sequence, {std::to_string(sequence)}));
  }
  for (uint64_t i = 0; i < answers.size(); ++i) EXPECT_EQ(answers[i].get()->first_position, i);
  Open(4096);
  const std::vector<std::string> read = Read("a");
  ASSERT_EQ(read.size(), 300u);
  for (size_t i = 0; i < read.size(); ++i) {
    EXPECT_EQ(read[i], std::to_string(i) + ":" + std::to_string(i + 1));
  }
}

TEST_F(ProducerTest, OnlySoManyProducersAreRemembered) {
  max_producers_ = 2;
  Open();
  ASSERT_OK(Send("p", 1, {"1"}));
  ASSERT_OK(Send("q", 1, {"1"}));
  EXPECT_THAT(Send("r", 1, {"1"}),
              StatusIs(absl::StatusCode::kResourceExhausted, "TOO_MANY_PRODUCERS"));
  EXPECT_OK(Send("p", 2, {"2"}));
  clock_.Advance(absl::Hours(25));
  EXPECT_OK(Send("r", 1, {"1"})) << "the others are forgotten";
}

TEST_F(ProducerTest, ABufferIsStoredAsItIs) {
  Open(64 << 20, 0);  // read back from the disk
  std::promise<absl::StatusOr<AppendOutcome>> promise;
  RecordBuffer buffer{"one\r\n\ntwo\n", {{0, 3}, {6, 3}}};
  log_->Append({.workspace = "default", .stream_uid = "a"}, std::move(buffer),
               [&](absl::StatusOr<AppendOutcome> outcome) { promise.set_value(outcome); });
  EXPECT_OK(promise.get_future().get());
  EXPECT_THAT(Read("a"), ElementsAre("0:one", "1:two"));
}

TEST_F(ProducerTest, NamesAndSpansAreChecked) {
  Open();
  EXPECT_THAT(Send("", 1, {"x"}), StatusIs(absl::StatusCode::kInvalidArgument, "INVALID_FIELD"));
  EXPECT_THAT(Send("p", 0, {"x"}), StatusIs(absl::StatusCode::kInvalidArgument, "INVALID_FIELD"));
  EXPECT_THAT(Send(std::string(257, 'p'), 1, {"x"}),
              StatusIs(absl::StatusCode::kInvalidArgument, "INVALID_FIELD"));
  EXPECT_THAT(Send("p", 1, {std::string(32 << 20, 'x')}),
              StatusIs(absl::StatusCode::kInvalidArgument, "BATCH_TOO_LARGE"));
  for (const RecordBuffer& wrong :
       {RecordBuffer{"abc", {{0, 4}}}, RecordBuffer{"abc", {{0, 2}, {1, 1}}}}) {
    absl::Status answer;
    log_->Append({.workspace = "default", .stream_uid = "a"}, wrong,
                 [&](absl::StatusOr<AppendOutcome> outcome) { answer = outcome.status(); });
    EXPECT_THAT(answer, StatusIs(absl::StatusCode::kInternal, "WAL_BAD_RECORDS"));
  }
}

}  // namespace
}  // namespace tarn::ingestion

#include "services/ingestion/wal/producer_index.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tarn::ingestion {
namespace {

class ProducerIndexTest : public ::testing::Test {
 protected:
  void Add(uint64_t sequence, const std::string& producer = "p") {
    index_.Add(
        Key(producer),
        {.sequence = sequence, .first_position = sequence * 10, .record_count = 10, .time = now_});
  }
  static BatchKey Key(const std::string& producer) {
    return {.workspace = "default", .stream_uid = "s", .producer_id = producer};
  }
  uint64_t Last(const std::string& producer = "p") const {
    const auto* found = index_.Find(Key(producer), now_);
    return found == nullptr ? 0 : found->back().sequence;
  }

  absl::Time now_ = absl::UnixEpoch();
  ProducerIndex index_{absl::Hours(24)};
};

TEST_F(ProducerIndexTest, KnowsTheLastBatchOfEachProducer) {
  EXPECT_EQ(Last(), 0u);
  Add(1);
  Add(2);
  Add(1, "other");
  EXPECT_EQ(Last(), 2u);
  EXPECT_EQ(Last("other"), 1u);
  EXPECT_EQ(index_.size(), 2u);
}

TEST_F(ProducerIndexTest, RemembersAsManyBatchesAsAProducerKeepsInFlight) {
  for (uint64_t sequence = 1; sequence <= 40; ++sequence) Add(sequence);
  const auto* found = index_.Find(Key("p"), now_);
  ASSERT_NE(found, nullptr);
  ASSERT_EQ(found->size(), ProducerIndex::kRemembered);
  EXPECT_EQ(found->front().sequence, 25u);
  EXPECT_EQ(found->back().sequence, 40u);
}

TEST_F(ProducerIndexTest, WhatItIsToldTwiceChangesNothing) {
  Add(1);
  Add(2);
  Add(3);
  Add(2);
  EXPECT_EQ(Last(), 3u);
  EXPECT_EQ(index_.Find(Key("p"), now_)->size(), 3u);
}

TEST_F(ProducerIndexTest, ForgetsAProducerADayAfterItsLastBatch) {
  Add(7);
  now_ += absl::Hours(23);
  EXPECT_EQ(Last(), 7u);
  now_ += absl::Hours(2);
  EXPECT_EQ(Last(), 0u);
  Add(1);
  EXPECT_EQ(Last(), 1u) << "it began again before it was purged";
  now_ += absl::Hours(25);
  index_.Purge(now_);
  EXPECT_EQ(index_.size(), 0u);
}

TEST_F(ProducerIndexTest, GivesBackTheNamesOfItsProducers) {
  Add(3);
  const auto snapshot = index_.Snapshot();
  ASSERT_EQ(snapshot.size(), 1u);
  EXPECT_EQ(snapshot[0].workspace, "default");
  EXPECT_EQ(snapshot[0].stream_uid, "s");
  EXPECT_EQ(snapshot[0].producer_id, "p");
  EXPECT_EQ(snapshot[0].last.first_position, 30u);
  EXPECT_EQ(index_.Last(Key("p")).size(), 1u);
  EXPECT_TRUE(index_.Last(Key("q")).empty());
}

}  // namespace
}  // namespace tarn::ingestion

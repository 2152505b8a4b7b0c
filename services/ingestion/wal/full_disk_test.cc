// A full disk and a full log: nothing is acknowledged that is not kept, and it goes on by itself.
#include <iterator>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>

#include "common/status/error.h"
#include "services/ingestion/wal/testing/write_ahead_log_fixture.h"

namespace tarn::ingestion {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::Key;

class FullDiskTest : public WriteAheadLogTest {
 protected:
  size_t EntryCount() const {
    return static_cast<size_t>(std::distance(fs::directory_iterator(dir_ / "wal"), {}));
  }
};

TEST_F(FullDiskTest, AttemptsLeaveNoFilesBehind) {
  Open();
  ASSERT_OK(Put("a", {"1"}));
  disk_.SetFreeBytes(0);
  EXPECT_FALSE(Put("a", {"2"}).ok());
  const size_t entries = EntryCount();
  for (int i = 0; i < 20; ++i) {
    EXPECT_THAT(Put("a", {"2"}), StatusIs(absl::StatusCode::kResourceExhausted, "DISK_FULL"));
  }
  EXPECT_EQ(EntryCount(), entries);
  disk_.SetFreeBytes(1 << 20);
  EXPECT_EQ(Put("a", {"2"})->first_position, 1u);
}

TEST_F(FullDiskTest, ARecordIsKeptEvenWhereItsMarkHasNoRoom) {
  Open();
  ASSERT_OK(Put("a", {"1"}));
  disk_.SetFreeBytes(110);  // a batch of one byte, and half of its mark
  ASSERT_OK(Put("a", {"2"}));
  disk_.SetFreeBytes(1 << 20);
  EXPECT_EQ(Put("a", {"3"})->first_position, 2u);
  Open();
  EXPECT_EQ(log_->open_report().damaged_bytes, 0u);
  EXPECT_THAT(Read("a"), ElementsAre("0:1", "1:2", "2:3"));
}

TEST_F(FullDiskTest, AFullLogSlowsItsProducersUntilDeliveryMakesRoom) {
  max_bytes_ = 1000;
  max_full_wait_ = absl::Hours(1);
  Open();
  ASSERT_OK(Put("a", {std::string(1200, 'x')}));
  auto first = SendLater("p", 1, {"1"});
  auto second = SendLater("p", 2, {"2"});
  EXPECT_EQ(first.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
  log_->SetDelivered("default", "a", 1);
  EXPECT_EQ(first.get()->first_position, 1u);
  EXPECT_EQ(second.get()->first_position, 2u);
}

TEST_F(FullDiskTest, WhatDoesNotFitIntoTheQueueIsRefusedWithAPause) {
  max_queued_bytes_ = 1000;
  Open();
  disk_.HoldSync(true);
  auto first = SendLater("p", 1, {std::string(600, 'x')});
  auto second = Send("p", 2, {std::string(600, 'y')});
  EXPECT_THAT(second, StatusIs(absl::StatusCode::kResourceExhausted, "WAL_OVERLOADED"));
  EXPECT_THAT(ErrorMetadataOf(second.status()), ::testing::Contains(Key("retry_delay_ms")));
  disk_.HoldSync(false);
  EXPECT_OK(first.get());
  EXPECT_OK(Send("p", 2, {std::string(600, 'y')}));
}

// A file system of 16 MiB; where this process may not mount one, the fake disk with as much room.
class SmallDiskTest : public FullDiskTest {
 protected:
  void SetUp() override {
    fs::create_directories(dir_ / "wal");
    mounted_ = ::mount("tmpfs", (dir_ / "wal").c_str(), "tmpfs", 0, "size=16m") == 0;
    if (!mounted_) disk_.SetFreeBytes(16 << 20);
  }
  void TearDown() override {
    log_.reset();
    if (mounted_) ::umount2((dir_ / "wal").c_str(), MNT_DETACH);
  }
  // Until the disk is full. Gives the number of batches that were acknowledged.
  uint64_t Fill(uint64_t begin) {
    for (uint64_t batch = begin;; ++batch) {
      const std::string record = std::to_string(batch) + std::string(100'000, 'x');
      const auto put = Put("a", {record}, "r" + std::to_string(batch), 7);
      if (put.ok()) continue;
      EXPECT_THAT(put, StatusIs(absl::StatusCode::kResourceExhausted, "DISK_FULL"));
      return batch;
    }
  }

  bool mounted_ = false;
};

TEST_F(SmallDiskTest, KeepsWhatItAcknowledgedAndGoesOnWhenThereIsRoom) {
  Open(1 << 20, 0);
  uint64_t end = Fill(0);
  EXPECT_GT(end, 100u);
  Open(1 << 20, 0);  // also on a full disk
  EXPECT_EQ(log_->open_report().damaged_bytes, 0u);
  ASSERT_EQ(Read("a").size(), end);
  EXPECT_TRUE(Put("a", {"0"}, "r0", 7)->replayed);

  // Delivery makes room, with what was set aside for writing down the request ids.
  log_->SetDelivered("default", "a", end / 2);
  ASSERT_OK(log_->RemoveDeliveredSegments());
  if (!mounted_) disk_.SetFreeBytes(8 << 20);  // it does not see what is removed
  const uint64_t next = Fill(end);
  EXPECT_GT(next, end + 30);
  Open(1 << 20, 0);
  log_->SetDelivered("default", "a", end / 2);
  EXPECT_EQ(Read("a", end / 2).size(), next - end / 2);
  EXPECT_TRUE(Put("a", {"0"}, "r0", 7)->replayed) << "outlived its segment on a full disk";
}

TEST_F(FullDiskTest, WhatWaitedTooLongForAFullLogIsRefusedInOrder) {
  max_bytes_ = 300;
  Open();
  ASSERT_OK(Put("a", {std::string(400, 'x')}));
  auto first = SendLater("p", 1, {"1"});
  EXPECT_THAT(first.get(), StatusIs(absl::StatusCode::kResourceExhausted, "WAL_FULL"));
  const auto second = Send("p", 2, {"2"});
  EXPECT_THAT(second, StatusIs(absl::StatusCode::kOutOfRange, "SEQUENCE_GAP"));
  EXPECT_EQ(Last("p"), 0u);
}

}  // namespace
}  // namespace tarn::ingestion

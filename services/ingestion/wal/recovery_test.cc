// What the log makes of damage, failed writes and kills.
#include "services/ingestion/wal/recovery.h"

#include <fstream>
#include <map>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/ids/ids.h"
#include "common/wal/segment_reader.h"
#include "common/wal/wal_folder.h"
#include "services/ingestion/wal/testing/write_ahead_log_fixture.h"

namespace tarn::ingestion {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using wal::FrameHeader;

std::string ReadAll(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return std::string((std::istreambuf_iterator<char>(in)), {});
}

void WriteAll(const fs::path& path, const std::string& content) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
}

class RecoveryTest : public WriteAheadLogTest {};

// In memory where the system has such a place: a thousand openings flush some thousand times.
class MemoryFolder {
 public:
  explicit MemoryFolder(const fs::path& otherwise)
      : path_(fs::exists("/dev/shm") ? fs::path("/dev/shm/tarn-test-" + NewUuid())
                                     : otherwise / "copy") {
    fs::create_directories(path_);
  }
  ~MemoryFolder() { fs::remove_all(path_); }
  MemoryFolder(const MemoryFolder&) = delete;
  MemoryFolder& operator=(const MemoryFolder&) = delete;
  fs::path operator/(std::string_view child) const { return path_ / child; }
  const fs::path& path() const { return path_; }

 private:
  const fs::path path_;
};

TEST_F(RecoveryTest, PositionsAndSequencesOfADamagedNewestBatchAreNotGivenOutAgain) {
  Open();
  ASSERT_OK(Send("p", 1, {"one"}));
  ASSERT_OK(Send("p", 2, {"two", "too"}));
  log_.reset();
  Damage(Segments().back(), "two");
  Open();
  EXPECT_GT(log_->open_report().damaged_bytes, 0u);
  EXPECT_THAT(Read("a"), ElementsAre("0:one", "1:LOST", "2:LOST"));
  EXPECT_EQ(Last("p"), 2u) << "it was acknowledged: its producer goes on";
  EXPECT_EQ(Send("p", 3, {"three"})->first_position, 3u);
  EXPECT_THAT(Read("a"), ElementsAre("0:one", "1:LOST", "2:LOST", "3:three"));
}

TEST_F(RecoveryTest, ALostTailStaysKnownUntilItIsDelivered) {
  Open();
  ASSERT_OK(Put("a", {"one"}));
  ASSERT_OK(Put("a", {"two"}));
  log_.reset();
  Damage(Segments().back(), "two");
  for (int opening = 0; opening < 2; ++opening) {
    Open(1);
    EXPECT_THAT(log_->UndeliveredStreams(), ::testing::Contains(std::pair("default", "a")));
    log_->SetDelivered("default", "a", 1);
    EXPECT_THAT(Read("a", 1), ElementsAre("1:LOST"));
    EXPECT_GT(log_->Backlog("a").bytes, 0u) << "or it would never be due for delivery";
    ASSERT_OK(Put("b", {"x"}));
    ASSERT_OK(log_->RemoveDeliveredSegments());
  }
  log_->SetDelivered("default", "a", 2);
  EXPECT_EQ(log_->Backlog("a").bytes, 0u);
  EXPECT_THAT(log_->UndeliveredStreams(), ElementsAre(std::pair("default", "b")));
}

// A machine that loses its power may have written the end of what it was asked for and not its
// beginning. Batches behind such a gap are no more acknowledged than the one in it: a producer that
// were told to go on behind them would never send that one again.
TEST_F(RecoveryTest, AGapInTheLastWriteTakesWithItWhatStandsBehind) {
  Open();
  ASSERT_OK(Send("p", 1, {"first"}));
  disk_.HoldSync(true);
  const int syncs = disk_.sync_count();
  auto before = SendLater("p", 2, {"second"});
  disk_.WaitForSyncs(syncs + 1);
  // These wait for the disk, and go with one write.
  std::vector<std::future<absl::StatusOr<AppendOutcome>>> group;
  for (uint64_t sequence = 3; sequence <= 5; ++sequence) {
    group.push_back(SendLater("p", sequence, {"number " + std::to_string(sequence)}));
  }
  disk_.HoldSync(false);
  ASSERT_OK(before.get());
  for (auto& answer : group) ASSERT_OK(answer.get());
  log_.reset();
  const fs::path segment = Segments().back();
  const std::string whole = ReadAll(segment);
  // The mark behind them says that they were flushed: without it, they need not have been.
  uint64_t mark = 0;
  ASSERT_OK(
      wal::ScanSegment(segment, [&](const FrameHeader& header, std::string_view, uint64_t offset) {
        if (header.type == wal::FrameType::kPositions) mark = offset;
      }));
  ASSERT_GT(mark, whole.find("number 5"));
  for (const uint64_t lost : {3, 4, 5}) {
    std::string torn = whole.substr(0, mark);
    torn[torn.find("number " + std::to_string(lost))] = '#';
    log_.reset();
    WriteAll(segment, torn);
    fs::remove_all(dir_ / "wal" / wal::kQuarantineFolder);
    Open();
    EXPECT_EQ(log_->open_report().damaged_bytes, 0u);
    EXPECT_GT(log_->open_report().torn_bytes, 0u);
    EXPECT_EQ(Last("p"), lost - 1);
    std::vector<std::string> stored = {"0:first", "1:second"};
    for (uint64_t i = 3; i < lost; ++i) {
      stored.push_back(std::to_string(i - 1) + ":number " + std::to_string(i));
    }
    EXPECT_EQ(Read("a"), stored);
    EXPECT_EQ(fs::exists(dir_ / "wal" / wal::kQuarantineFolder), lost < 5)
        << "whole batches that are cut off are kept for people";
  }
  // With the mark the same is damage, and told.
  std::string damaged = whole;
  damaged[damaged.find("number 4")] = '#';
  log_.reset();
  WriteAll(segment, damaged);
  Open();
  EXPECT_EQ(Last("p"), 5u);
  EXPECT_THAT(Read("a"), ElementsAre("0:first", "1:second", "2:number 3", "3:LOST", "4:number 5"));
}

// The last write of a log, cut or with a page of zeros at any byte: what was flushed before it is
// there as it was, and the producer goes on behind a prefix of what it sent.
TEST_F(RecoveryTest, WhateverIsLostOfTheLastWriteNothingBeforeItIs) {
  Open();
  ASSERT_OK(Send("p", 1, {"one"}));
  disk_.HoldSync(true);
  const int syncs = disk_.sync_count();
  auto before = SendLater("p", 2, {"two"});
  disk_.WaitForSyncs(syncs + 1);
  std::vector<std::future<absl::StatusOr<AppendOutcome>>> group;
  for (uint64_t sequence = 3; sequence <= 6; ++sequence) {
    group.push_back(SendLater("p", sequence, {std::to_string(sequence)}));
  }
  disk_.HoldSync(false);
  ASSERT_OK(before.get());
  for (auto& answer : group) ASSERT_OK(answer.get());
  log_.reset();
  const std::string name = Segments().back().filename().string();
  std::string content = ReadAll(Segments().back());
  uint64_t write = 0, last_mark = 0;
  ASSERT_OK(wal::ScanSegment(Segments().back(),
                             [&](const FrameHeader& header, std::string_view, uint64_t offset) {
                               if (header.type != wal::FrameType::kPositions) return;
                               write = last_mark;
                               last_mark = offset;
                             }));
  content.resize(last_mark);
  const MemoryFolder folder(dir_.path());
  fs::copy_file(dir_ / "wal" / wal::kUuidFile, folder / wal::kUuidFile);
  for (size_t at = write; at < content.size(); ++at) {
    for (const bool cut : {true, false}) {
      SCOPED_TRACE((cut ? "cut at " : "zeros at ") + std::to_string(at));
      std::string torn = content;
      if (cut) torn.resize(at);
      for (size_t i = at; i < std::min(at + 100, torn.size()); ++i) torn[i] = '\0';
      WriteAll(folder / name, torn);
      fs::remove_all(folder / wal::kQuarantineFolder);
      LogState state(absl::Hours(24));
      const auto log = RecoverLog(folder.path(), clock_.Now(), state);
      ASSERT_OK(log);
      EXPECT_EQ(log->report.damaged_bytes, 0u);
      const uint64_t next = state.NextPosition("a");
      EXPECT_GE(next, 2u);
      EXPECT_LE(next, 6u);
      for (const FrameRef& frame : state.Frames("a", 0, 1 << 30)) EXPECT_FALSE(frame.lost);
      const auto* producer = state.producers().Find(
          {.workspace = "default", .stream_uid = "a", .producer_id = "p"}, clock_.Now());
      ASSERT_NE(producer, nullptr);
      EXPECT_EQ(producer->back().sequence, next) << "each of its batches has one record";
    }
  }
}

TEST_F(RecoveryTest, AWriteThatCouldNotBeCutOffLeavesNoNamesBehind) {
  Open();
  ASSERT_OK(Put("a", {"one"}));
  disk_.SetSyncFails(true);
  disk_.SetTruncateFails(true);
  EXPECT_THAT(Put("a", {"never"}, "r", 7),
              StatusIs(absl::StatusCode::kUnknown, "WAL_OUTCOME_UNKNOWN"));
  disk_.SetSyncFails(false);
  ASSERT_OK(Put("a", {"two"}, "other", 8)) << "under the same position";
  Open();
  EXPECT_EQ(log_->open_report().abandoned_batches, 1u);
  EXPECT_THAT(Read("a"), ElementsAre("0:one", "1:two"));
  const auto retry = Put("a", {"never"}, "r", 7);
  ASSERT_OK(retry);
  EXPECT_FALSE(retry->replayed) << "it had not been stored";
  EXPECT_EQ(retry->first_position, 2u);
}

TEST_F(RecoveryTest, AWriteThatCouldNotBeCutOffLeavesNoSequencesBehind) {
  Open();
  ASSERT_OK(Send("p", 1, {"one"}));
  disk_.SetSyncFails(true);
  disk_.SetTruncateFails(true);
  EXPECT_THAT(Send("q", 1, {"never"}), StatusIs(absl::StatusCode::kUnknown, "WAL_OUTCOME_UNKNOWN"));
  disk_.SetSyncFails(false);
  ASSERT_OK(Send("p", 2, {"two"}));
  // The segment with what was left behind goes, and its names with it.
  log_->SetDelivered("default", "a", 1);
  ASSERT_OK(log_->RemoveDeliveredSegments());
  Open();
  EXPECT_EQ(Last("q"), 0u);
  EXPECT_EQ(Last("p"), 2u);
  EXPECT_FALSE(Send("q", 1, {"never"})->replayed);
}

TEST_F(RecoveryTest, WhatCouldNotBeCutOffIsStoredWhenTheProcessEndsThere) {
  Open();
  ASSERT_OK(Put("a", {"one"}));
  disk_.SetSyncFails(true);
  disk_.SetTruncateFails(true);
  EXPECT_THAT(Put("a", {"maybe"}, "r", 7),
              StatusIs(absl::StatusCode::kUnknown, "WAL_OUTCOME_UNKNOWN"));
  Open();
  disk_.SetSyncFails(false);
  const auto retry = Put("a", {"maybe"}, "r", 7);
  ASSERT_OK(retry);
  EXPECT_TRUE(retry->replayed);
  EXPECT_THAT(Read("a"), ElementsAre("0:one", "1:maybe")) << "once, in either case";
}

TEST_F(RecoveryTest, PositionsOfIdleStreamsOutliveDamageToTheOnlySegment) {
  Open(1);
  ASSERT_OK(Put("idle", {"1", "2", "3"}));
  ASSERT_OK(Send("p", 1, {"x"}, "idle"));
  ASSERT_OK(Put("b", {"1"}));
  log_->SetDelivered("default", "idle", 4);
  log_->SetDelivered("default", "b", 1);
  ASSERT_OK(log_->RemoveDeliveredSegments());
  ASSERT_EQ(Segments().size(), 1u);
  log_.reset();
  Damage(Segments().back(), "idle");  // in the positions at its beginning
  Open(1);
  EXPECT_EQ(Put("idle", {"4"})->first_position, 4u);
  EXPECT_EQ(Last("p", "idle"), 1u);
}

TEST_F(RecoveryTest, TheUuidOutlivesTheFileThatHoldsIt) {
  Open();
  ASSERT_OK(Put("a", {"1"}));
  const std::string uuid = log_->uuid();
  log_.reset();
  fs::remove(dir_ / "wal" / "LOG");
  Open();
  EXPECT_EQ(log_->uuid(), uuid);
}

TEST_F(RecoveryTest, ALogWithoutAnyUuidIsNotTakenForAnother) {
  Open();
  ASSERT_OK(Put("a", {"1"}));
  log_.reset();
  WriteAll(dir_ / "wal" / "LOG", "garbage");
  std::string content = ReadAll(Segments()[0]);
  content[10] ^= 1;
  WriteAll(Segments()[0], content);
  WriteAheadLogOptions options;
  options.folder = dir_ / "wal";
  EXPECT_THAT(WriteAheadLog::Open(options, clock_, metrics_).status(),
              StatusIs(absl::StatusCode::kDataLoss, "WAL_DAMAGED"));
}

TEST_F(RecoveryTest, RecordsBehindWhatWasDeliveredElsewhereGetLaterPositions) {
  // The log was put back from an old copy: the catalog is ahead, and says so while a group is being
  // written.
  Open();
  ASSERT_OK(Put("a", {"1"}));
  disk_.HoldSync(true);
  auto late = SendLater("p", 1, {"late"});
  disk_.WaitForSyncs(2);
  log_->SetDelivered("default", "a", 10);
  disk_.HoldSync(false);
  EXPECT_EQ(late.get()->first_position, 10u);
  EXPECT_THAT(Read("a", 10), ElementsAre("10:late"));
  Open();
  log_->SetDelivered("default", "a", 10);
  EXPECT_THAT(Read("a", 10), ElementsAre("10:late"));
  EXPECT_EQ(Send("p", 1, {"late"})->first_position, 10u);
}

// Producers that send again what was not acknowledged, on a disk where writes, flushes and cuts
// fail now and then, over restarts: each batch is stored once and in order, and nothing is taken
// for lost.
TEST_F(RecoveryTest, EachSequenceIsStoredOnceWhateverTheDiskDoes) {
  constexpr uint64_t kBatches = 25;
  const std::vector<std::string> producers = {"p", "q"};
  for (const uint32_t seed : {1u, 2u, 3u}) {
    log_.reset();
    fs::remove_all(dir_ / "wal");
    disk_.FailAtRandom(seed, 6);
    std::mt19937 random(seed);
    Open(2000);
    const auto goes_on = [&] { return Last("p") < kBatches || Last("q") < kBatches; };
    for (int round = 0; goes_on() && round < 1000; ++round) {
      if (random() % 8 == 0) Open(2000);
      std::vector<std::future<absl::StatusOr<AppendOutcome>>> answers;
      for (const std::string& producer : producers) {
        const uint64_t last = Last(producer);
        for (uint64_t next = last + 1; next <= std::min(last + 3, kBatches); ++next) {
          const std::string record = producer + std::to_string(next);
          answers.push_back(SendLater(producer, next, {record, record}));
        }
      }
      for (auto& answer : answers) (void)answer.get();
    }
    disk_.FailAtRandom(seed, 0);
    Open(2000);
    EXPECT_EQ(log_->open_report().damaged_bytes, 0u) << "seed " << seed;
    std::map<char, uint64_t> stored;
    uint64_t position = 0;
    for (const std::string& record : Read("a")) {
      const size_t colon = record.find(':');
      EXPECT_EQ(record.substr(0, colon), std::to_string(position));
      const uint64_t number = stored[record[colon + 1]]++;
      EXPECT_EQ(record.substr(colon + 2), std::to_string(number / 2 + 1)) << "seed " << seed;
      ++position;
    }
    EXPECT_EQ(position, 2 * 2 * kBatches) << "seed " << seed;
  }
}

// One changed byte, wherever it stands, costs at most the batch that it stands in: the others are
// read as they were written, no position and no sequence is given out twice, nothing is made up.
TEST_F(RecoveryTest, AChangedByteCostsNoMoreThanItsBatch) {
  Open(600);
  std::map<std::string, std::vector<std::string>> written;
  const auto put = [&](const std::string& stream, std::vector<std::string> records,
                       uint64_t sequence) {
    std::vector<std::string_view> views(records.begin(), records.end());
    ASSERT_OK(sequence > 0 ? Send("p", sequence, views, stream)
                           : Put(stream, views, "r" + std::to_string(written[stream].size()), 7));
    for (std::string& record : records) written[stream].push_back(std::move(record));
  };
  put("a", {"one", "two"}, 1);
  put("b", {"x"}, 0);
  put("a", {"three"}, 2);
  put("b", {"y", "z"}, 0);
  put("a", {"four", "five", "six"}, 3);
  put("b", {"last"}, 0);
  log_.reset();
  ASSERT_GE(Segments().size(), 2u);
  const MemoryFolder folder(dir_.path());
  fs::copy_file(dir_ / "wal" / wal::kUuidFile, folder / wal::kUuidFile);
  std::map<fs::path, std::string> contents;
  for (const fs::path& path : Segments()) {
    contents[folder / path.filename().string()] = ReadAll(path);
  }

  for (const auto& [path, content] : contents) {
    for (size_t i = 0; i < content.size(); ++i) {
      for (const auto& [each, original] : contents) WriteAll(each, original);
      std::string damaged = content;
      damaged[i] = static_cast<char>(damaged[i] ^ (1 << (i % 8)));
      WriteAll(path, damaged);
      fs::remove_all(folder / wal::kQuarantineFolder);
      SCOPED_TRACE(path.filename().string() + " byte " + std::to_string(i));

      LogState state(absl::Hours(24));
      auto log = RecoverLog(folder.path(), clock_.Now(), state);
      ASSERT_OK(log);
      size_t missing = 0;
      for (const auto& [stream, records] : written) {
        EXPECT_EQ(state.NextPosition(stream), records.size());
        std::vector<bool> found(records.size());
        for (const FrameRef& frame : state.Frames(stream, 0, 1 << 30)) {
          if (frame.lost) continue;
          auto read = wal::ReadFrame(
              wal::NumberedPath(folder.path(), frame.segment, wal::kSegmentSuffix), frame.offset);
          ASSERT_OK(read);
          const auto batch = wal::DecodeBatchBody(read->header, *read->body);
          ASSERT_TRUE(batch.has_value());
          for (size_t record = 0; record < batch->records.size(); ++record) {
            const size_t position = frame.first_position + record;
            ASSERT_LT(position, records.size());
            EXPECT_EQ(batch->records[record], records[position]);
            found[position] = true;
          }
        }
        missing += static_cast<size_t>(std::count(found.begin(), found.end(), false));
      }
      EXPECT_LE(missing, 3u) << "more than one batch";
      const auto* producer = state.producers().Find(
          {.workspace = "default", .stream_uid = "a", .producer_id = "p"}, clock_.Now());
      ASSERT_NE(producer, nullptr);
      EXPECT_EQ(producer->back().sequence, 3u);
    }
  }
}

}  // namespace
}  // namespace tarn::ingestion

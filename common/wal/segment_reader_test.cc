#include "common/wal/segment_reader.h"

#include <fstream>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace tarn::wal {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class SegmentReaderTest : public ::testing::Test {
 protected:
  void Write(const std::string& content) {
    std::ofstream(path_, std::ios::binary | std::ios::trunc) << content;
  }
  static std::string FrameOf(uint64_t number, const std::string& body, uint64_t into_write = 0) {
    return EncodeFrame(
        {.type = FrameType::kPositions, .bytes_into_write = into_write, .first_position = number},
        body);
  }
  // The numbers of the whole frames.
  std::vector<uint64_t> Scan() {
    std::vector<uint64_t> numbers;
    auto scan = ScanSegment(path_, [&](const FrameHeader& header, std::string_view body, uint64_t) {
      EXPECT_EQ(body.size(), header.body_bytes);
      numbers.push_back(header.first_position);
    });
    EXPECT_OK(scan);
    scan_ = *scan;
    return numbers;
  }

  TempDir dir_;
  const std::filesystem::path path_ = dir_ / "segment";
  SegmentScan scan_;
};

TEST_F(SegmentReaderTest, ReadsFramesLargerThanItsWindow) {
  const std::string big(3 << 20, 'x');
  Write(FrameOf(1, "a") + FrameOf(2, big) + FrameOf(3, "b") + FrameOf(4, big));
  EXPECT_THAT(Scan(), ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(scan_.damaged, IsEmpty());
  EXPECT_EQ(scan_.sound_bytes, scan_.file_bytes);
}

TEST_F(SegmentReaderTest, GoesOnBehindDamageHoweverLong) {
  const std::string junk = std::string(2'500'000, '#') + "TWL1TWL1TW";
  const std::string first = FrameOf(1, "a");
  Write(first + junk + FrameOf(2, "b"));
  EXPECT_THAT(Scan(), ElementsAre(1, 2));
  ASSERT_EQ(scan_.damaged.size(), 1u);
  EXPECT_EQ(scan_.damaged[0].offset, first.size());
  EXPECT_EQ(scan_.damaged[0].bytes, junk.size());
}

TEST_F(SegmentReaderTest, ATornTailIsWhatFollowsTheLastWholeFrame) {
  const std::string first = FrameOf(1, "a");
  const std::string second = FrameOf(2, "bcd");
  for (size_t cut = 0; cut < second.size(); ++cut) {
    Write(first + second.substr(0, cut));
    EXPECT_THAT(Scan(), ElementsAre(1));
    EXPECT_EQ(scan_.sound_bytes, first.size());
    EXPECT_EQ(scan_.file_bytes, first.size() + cut);
  }
}

TEST_F(SegmentReaderTest, AGapInTheLastWriteIsTornAndOneBeforeItIsNot) {
  // Two writes of three frames each.
  std::vector<std::string> frames;
  std::vector<size_t> begins;
  std::string content;
  size_t write = 0;
  for (uint64_t i = 0; i < 6; ++i) {
    if (i == 3) write = content.size();
    begins.push_back(content.size());
    content += FrameOf(i, std::string(1 + 7 * i, 'x'), content.size() - write);
  }
  for (size_t gap = 0; gap < 6; ++gap) {
    std::string damaged = content;
    damaged[begins[gap] + 2] ^= 1;
    Write(damaged);
    EXPECT_EQ(Scan().size(), 5u);
    EXPECT_EQ(scan_.torn_from(), gap < 3 ? content.size() : begins[gap]) << gap;
  }
  // Of both: what was flushed before the gap stays damaged.
  std::string damaged = content;
  damaged[begins[2]] ^= 1;
  damaged[begins[3]] ^= 1;
  Write(damaged);
  Scan();
  EXPECT_EQ(scan_.torn_from(), content.size()) << "the gap begins in what was flushed";
  damaged = content;
  damaged[begins[1]] ^= 1;
  damaged[begins[3]] ^= 1;
  Write(damaged);
  Scan();
  EXPECT_EQ(scan_.torn_from(), begins[3]);
}

TEST_F(SegmentReaderTest, AnEmptyFileHasNoFrames) {
  Write("");
  EXPECT_THAT(Scan(), IsEmpty());
  EXPECT_THAT(ReadFrame(path_, 0), StatusIs(absl::StatusCode::kDataLoss, "WAL_DAMAGED"));
}

TEST_F(SegmentReaderTest, ReadsTheBeginningUntilItIsToldToStop) {
  Write(FrameOf(1, "a") + FrameOf(2, "b") + FrameOf(3, "c"));
  std::vector<uint64_t> numbers;
  ASSERT_OK(ReadBeginning(path_, [&](const FrameHeader& header, std::string_view) {
    numbers.push_back(header.first_position);
    return header.first_position < 2;
  }));
  EXPECT_THAT(numbers, ElementsAre(1, 2));
}

// Whatever changes in a file: every frame that is told of is one that was written, in order, and
// the ranges that are told of add up.
TEST_F(SegmentReaderTest, NothingIsReadThatWasNotWritten) {
  std::mt19937_64 random(42);
  std::string content;
  std::vector<std::string> bodies;
  for (uint64_t i = 0; i < 20; ++i) {
    bodies.push_back(std::string(random() % 50, static_cast<char>('a' + i)));
    content += FrameOf(i, bodies.back());
  }
  for (int round = 0; round < 300; ++round) {
    std::string damaged = content;
    for (uint64_t changes = 1 + random() % 6; changes > 0 && !damaged.empty(); --changes) {
      const size_t at = random() % damaged.size();
      switch (random() % 4) {
        case 0:
          damaged[at] = static_cast<char>(random());
          break;
        case 1:
          damaged.erase(at, random() % 60);
          break;
        case 2:
          damaged.insert(at, damaged.substr(random() % damaged.size(), random() % 60));
          break;
        default:
          damaged.resize(std::max<size_t>(1, at));
      }
    }
    Write(damaged);
    uint64_t bytes = 0;
    auto scan = ScanSegment(path_, [&](const FrameHeader& header, std::string_view body, uint64_t) {
      ASSERT_LT(header.first_position, bodies.size());
      EXPECT_EQ(body, bodies[header.first_position]);
      bytes += kFrameHeaderBytes + body.size();
    });
    ASSERT_OK(scan);
    for (const DamagedRange& range : scan->damaged) bytes += range.bytes;
    EXPECT_EQ(bytes, scan->sound_bytes);
    EXPECT_EQ(scan->file_bytes, damaged.size());
  }
}

}  // namespace
}  // namespace tarn::wal

// tarn wal, on files as the log writes them.
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "common/wal/crc32c.h"
#include "common/wal/wal_folder.h"
#include "common/wal/wal_format.h"
#include "services/cli/testing/command_test.h"

namespace tarn::cli {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;

class WalCommandTest : public CommandTest {
 protected:
  WalCommandTest() : folder_(dir_ / "wal") {
    fs::create_directories(folder_);
    std::ofstream(folder_ / wal::kUuidFile) << "0190c7c2-0000-7000-8000-000000000001\n";
    Write(1, Beginning(1) + Records("uid-a", 0, {"{\"n\":1}", "{\"n\":2}"}, "p", 1) +
                 Records("uid-b", 0, {"{\"x\":\"\x1b[2J\"}"}, "", 0));
    Write(2, Beginning(2) + Records("uid-a", 2, {"{\"n\":3}"}, "p", 2));
  }

  fs::path Segment(uint64_t number) const {
    return wal::NumberedPath(folder_, number, wal::kSegmentSuffix);
  }
  void Write(uint64_t number, const std::string& content) {
    std::ofstream(Segment(number), std::ios::binary | std::ios::trunc) << content;
  }
  std::string Content(uint64_t number) const {
    std::ifstream in(Segment(number), std::ios::binary);
    return std::string((std::istreambuf_iterator<char>(in)), {});
  }
  static std::string Beginning(uint64_t number) {
    return wal::EncodeFrame({.type = wal::FrameType::kSegment, .first_position = number},
                            "0190c7c2-0000-7000-8000-000000000001") +
           wal::EncodeFrame({.type = wal::FrameType::kPositions}, wal::EncodePositionsBody({}));
  }
  static std::string Records(const std::string& stream, uint64_t position,
                             const std::vector<std::string>& records, const std::string& producer,
                             uint64_t sequence) {
    std::string payload;
    std::vector<wal::RecordSpan> spans;
    for (const std::string& record : records) {
      spans.push_back(
          {static_cast<uint32_t>(payload.size()), static_cast<uint32_t>(record.size())});
      payload += record;
    }
    wal::FrameHeader header{.first_position = position};
    const std::string head = wal::EncodeRecordsHead({.workspace = "default",
                                                     .stream_uid = stream,
                                                     .producer_id = producer,
                                                     .sequence = sequence},
                                                    spans, payload.size(), &header);
    header.payload_crc = wal::Crc32c(payload);
    return wal::EncodeFrameHeader(header) + head + payload;
  }

  const fs::path folder_;
};

TEST_F(WalCommandTest, ShowsSegmentsAndStreams) {
  const CommandResult result = RunBare({"wal", "inspect", folder_});
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("0190c7c2-0000-7000-8000-000000000001"));
  EXPECT_THAT(result.out, HasSubstr("0000000000000002.wal"));
  EXPECT_THAT(result.out, HasSubstr("uid-a"));
  const CommandResult named = RunBare({"wal", "inspect", folder_, "--stream", "device_messages"});
  EXPECT_EQ(named.code, 1);
  EXPECT_THAT(named.err, HasSubstr("by their uids, not by their names"));
  const CommandResult one = RunBare({"wal", "inspect", folder_, "--stream", "uid-b"});
  EXPECT_THAT(one.out, Not(HasSubstr("uid-a")));
}

TEST_F(WalCommandTest, ShowsTheFramesOfASegmentAsJson) {
  const CommandResult result = RunBare({"wal", "inspect", Segment(2), "--json"});
  EXPECT_EQ(result.code, 0) << result.err;
  std::istringstream lines(result.out);
  std::vector<nlohmann::json> frames;
  for (std::string line; std::getline(lines, line);) frames.push_back(nlohmann::json::parse(line));
  ASSERT_EQ(frames.size(), 3u);
  EXPECT_EQ(frames[0]["type"], "segment");
  EXPECT_EQ(frames[2]["stream"], "uid-a");
  EXPECT_EQ(frames[2]["first_position"], 2);
  EXPECT_EQ(frames[2]["sequence"], 2);
}

TEST_F(WalCommandTest, ShowsRecordsThatCannotSteerTheTerminal) {
  const CommandResult result = RunBare({"wal", "inspect", folder_, "--records"});
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("uid-a\t0\t{\"n\":1}\n"));
  EXPECT_THAT(result.out, HasSubstr("uid-a\t2\t{\"n\":3}\n"));
  EXPECT_THAT(result.out, Not(HasSubstr("\x1b")));
  const CommandResult json =
      RunBare({"wal", "inspect", folder_, "--records", "--json", "--stream", "uid-a"});
  EXPECT_THAT(json.out,
              HasSubstr("{\"stream\":\"uid-a\",\"position\":0,\"record\":\"{\\\"n\\\":1}\"}\n"));
  EXPECT_THAT(json.out, Not(HasSubstr("uid-b")));
}

TEST_F(WalCommandTest, VerifyPassesASoundLogAndAWriteThatIsGoingOn) {
  const CommandResult sound = RunBare({"wal", "verify", folder_});
  EXPECT_EQ(sound.code, 0) << sound.out << sound.err;
  EXPECT_THAT(sound.out, HasSubstr("sound: 2 segments, 4 records"));
  Write(2, Content(2) + "TWL1 and a part of a frame");
  const CommandResult writing = RunBare({"wal", "verify", folder_});
  EXPECT_EQ(writing.code, 0) << writing.out;
  EXPECT_THAT(writing.err, HasSubstr("nothing of it was acknowledged"));
}

TEST_F(WalCommandTest, VerifySaysWhereALogIsDamagedAndChangesNothing) {
  std::string content = Content(1);
  const size_t at = content.find("\"n\":2");
  content[at] = '#';
  Write(1, content);
  const CommandResult result = RunBare({"wal", "verify", folder_});
  EXPECT_EQ(result.code, 1);
  EXPECT_THAT(result.out, HasSubstr("0000000000000001.wal: "));
  EXPECT_THAT(result.out,
              HasSubstr("from byte " + std::to_string(Beginning(1).size()) + " on cannot be read"));
  EXPECT_THAT(result.err, HasSubstr("2 records in it can be read"));
  EXPECT_EQ(Content(1), content);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), {}), 3);
}

TEST_F(WalCommandTest, SaysWhenThereIsNoLog) {
  const CommandResult missing = RunBare({"wal", "verify", dir_ / "nowhere"});
  EXPECT_EQ(missing.code, 1);
  EXPECT_THAT(missing.err, HasSubstr("nowhere"));
  fs::create_directories(dir_ / "empty");
  const CommandResult empty = RunBare({"wal", "inspect", dir_ / "empty"});
  EXPECT_EQ(empty.code, 1);
  EXPECT_THAT(empty.err, HasSubstr("holds no write-ahead log"));
}

}  // namespace
}  // namespace tarn::cli

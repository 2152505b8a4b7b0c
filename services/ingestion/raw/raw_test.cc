// The format of raw copies, and reading them back.
#include <filesystem>
#include <fstream>
#include <limits>
#include <string>
#include <vector>

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/duckdb/database.h"
#include "common/duckdb/sql_text.h"
#include "common/ids/ids.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "services/ingestion/raw/raw_file.h"
#include "services/ingestion/raw/raw_folder.h"
#include "services/ingestion/raw/raw_reader.h"
#include "services/ingestion/raw/raw_record.h"

namespace tarn::ingestion {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr uint64_t kNoLimit = std::numeric_limits<uint64_t>::max();

class RawTest : public ::testing::Test {
 protected:
  // `minutes` after 10:00 of some day.
  static absl::Time At(double minutes) {
    return absl::FromUnixSeconds(1'600'000'000 / 3600 * 3600) +
           absl::Microseconds(static_cast<int64_t>(minutes * 60e6));
  }
  struct Put {
    double minutes;
    uint64_t position;
  };
  // One file, in the hour of its first record, that stands for [from, to).
  fs::path Write(const std::string& log, uint64_t from, uint64_t to, const std::vector<Put>& put) {
    const fs::path hour = folder_.HourFolder(At(put.front().minutes));
    fs::create_directories(hour);
    const fs::path path = hour / RawFileName{uid_, log, from, to}.ToString();
    auto file = RawFileWriter::Create(path);
    EXPECT_OK(file);
    for (const Put& each : put) {
      const std::string payload = absl::StrCat("{\"n\":", each.position, "}");
      EXPECT_OK(file->Append({At(each.minutes), log, each.position, payload}));
    }
    EXPECT_OK(file->Commit());
    return path;
  }
  // "<minute> <position>" of all that is read.
  std::vector<std::string> Read(double start, double end, std::map<std::string, uint64_t> limits) {
    RawReader reader(folder_, uid_, {At(start), At(end), std::move(limits)});
    std::vector<std::string> read;
    while (true) {
      auto record = reader.Next();
      EXPECT_OK(record);
      if (!record.ok() || !*record) return read;
      EXPECT_EQ((*record)->payload, absl::StrCat("{\"n\":", (*record)->position, "}"));
      read.push_back(absl::StrCat(absl::ToDoubleMinutes((*record)->arrival - At(0)), " ",
                                  (*record)->position));
    }
  }

  TempDir dir_;
  const lake::LakePaths lake_ = *lake::LakePaths::Open(dir_.path());
  const RawFolder folder_{lake_, "default", "s"};
  const std::string uid_ = NewUuid();
  const std::string a_ = "aaaaaaaa-0000-4000-8000-000000000000";
  const std::string b_ = "bbbbbbbb-0000-4000-8000-000000000000";
};

TEST_F(RawTest, EveryPayloadComesBackAsItWas) {
  const std::vector<std::string> payloads = {
      "{}",
      R"({"a":1.50,"a":2,"ü":"\u0000\n","big":123456789012345678901234567890})",
      "{\"a\":\n1}",
      "{\"a\":1}\r",
      "  {\"a\" : 1}  ",
      "[1]",
      "no json \x80\xff",
      "{\"a\":\"\xc3\x28\"}",
      std::string("\0\0", 2),
      "",
      "}\"",
      std::string(1 << 20, 'x'),
      "{\"a\":\"" + std::string(3'000'000, 'y') + "\"}"};
  const fs::path path = dir_ / "a.jsonl.gz";
  ASSERT_OK_AND_ASSIGN(RawFileWriter writer, RawFileWriter::Create(path));
  for (size_t i = 0; i < payloads.size(); ++i) {
    ASSERT_OK(writer.Append({At(0) + absl::Microseconds(i), a_, i, payloads[i]}));
  }
  EXPECT_FALSE(fs::exists(path));
  ASSERT_OK_AND_ASSIGN(const int64_t bytes, writer.Commit());
  EXPECT_EQ(static_cast<int64_t>(fs::file_size(path)), bytes);
  ASSERT_OK_AND_ASSIGN(RawFileReader reader, RawFileReader::Open(path));
  for (size_t i = 0; i < payloads.size(); ++i) {
    ASSERT_OK_AND_ASSIGN(const std::optional<RawRecord> record, reader.Next());
    ASSERT_TRUE(record.has_value());
    EXPECT_EQ(record->payload, payloads[i]);
    EXPECT_EQ(record->position, i);
    EXPECT_EQ(record->log_id, a_);
    EXPECT_EQ(record->arrival, At(0) + absl::Microseconds(i));
  }
  EXPECT_FALSE(reader.Next()->has_value());
}

TEST_F(RawTest, TheEngineReadsThem) {
  const fs::path path = dir_ / "a.jsonl.gz";
  ASSERT_OK_AND_ASSIGN(RawFileWriter writer, RawFileWriter::Create(path));
  ASSERT_OK(writer.Append({At(1), a_, 7, R"({"temp":21.5,"tags":["x"]})"}));
  ASSERT_OK(writer.Append({At(2) + absl::Microseconds(1), a_, 8, "{\n}"}));
  ASSERT_OK(writer.Commit());
  ASSERT_OK_AND_ASSIGN(auto db, duckdb::Database::Open({.threads = 1}));
  ASSERT_OK_AND_ASSIGN(auto connection, db.Connect());
  ASSERT_OK_AND_ASSIGN(
      const auto rows,
      connection.Query(absl::StrCat(
          "SELECT concat_ws(' ', strftime(arrived, '%M:%S.%f'), log, position, record->>'$.temp', "
          "decode(from_base64(payload))) FROM read_json(",
          duckdb::QuoteLiteral(path.string()),
          ", format='newline_delimited', columns={arrived: 'TIMESTAMP', log: 'VARCHAR', "
          "position: 'BIGINT', record: 'JSON', payload: 'VARCHAR'}) ORDER BY position")));
  ASSERT_EQ(rows.row_count(), 2u);
  EXPECT_EQ(*rows.At(0, 0).As<std::string>(), "01:00.000000 " + a_ + " 7 21.5");
  EXPECT_EQ(*rows.At(1, 0).As<std::string>(), "02:00.000001 " + a_ + " 8 {\n}");
}

TEST_F(RawTest, ANameSaysWhatAFileStandsFor) {
  const RawFileName name{uid_, a_, 7, kNoLimit};
  const std::optional<RawFileName> parsed = RawFileName::Parse(name.ToString());
  ASSERT_TRUE(parsed.has_value());
  EXPECT_EQ(parsed->stream_uid, uid_);
  EXPECT_EQ(parsed->log_id, a_);
  EXPECT_EQ(parsed->from, 7u);
  EXPECT_EQ(parsed->to, kNoLimit);
  EXPECT_FALSE(RawFileName::Parse("." + name.ToString()));
  EXPECT_FALSE(RawFileName::Parse(name.ToString() + ".tmp-abc"));
  EXPECT_FALSE(RawFileName::Parse((RawFileName{uid_, a_, 7, 7}).ToString()));
  EXPECT_FALSE(RawFileName::Parse("somebody's.jsonl.gz"));
}

TEST_F(RawTest, DamageIsToldWithFileAndLine) {
  const fs::path path = Write(a_, 0, 3, {{0, 0}, {1, 1}, {2, 2}});
  std::string whole;
  {
    std::ifstream in(path, std::ios::binary);
    whole.assign(std::istreambuf_iterator<char>(in), {});
  }
  const auto read_all = [&](const std::string& bytes) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
    auto reader = RawFileReader::Open(path);
    EXPECT_OK(reader);
    while (true) {
      auto record = reader->Next();
      if (!record.ok()) return record.status();
      if (!*record) return absl::OkStatus();
    }
  };
  EXPECT_OK(read_all(whole));
  for (size_t cut = 0; cut < whole.size(); ++cut) {
    const absl::Status status = read_all(whole.substr(0, cut));
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kDataLoss, "RAW_COPY_DAMAGED",
                                 HasSubstr(path.filename().string())))
        << cut;
  }
  std::string bent = whole;
  bent[whole.size() / 2] ^= 0x40;
  EXPECT_THAT(read_all(bent), StatusIs(absl::StatusCode::kDataLoss, "RAW_COPY_DAMAGED"));
  EXPECT_THAT(read_all("{\"arrived\":1}\n"),
              StatusIs(absl::StatusCode::kDataLoss, "RAW_COPY_DAMAGED"));
  EXPECT_THAT(RawFileReader::Open(dir_ / "gone"),
              StatusIs(absl::StatusCode::kNotFound, "FILE_NOT_FOUND"));
}

TEST_F(RawTest, RecordsOfAllLogsComeInTheOrderOfTheirArrival) {
  Write(a_, 0, 3, {{0, 0}, {10, 1}, {59, 2}});
  Write(a_, 3, 5, {{60, 3}, {61, 4}});
  Write(b_, 0, 2, {{5, 0}, {30, 1}});
  Write(b_, 2, 3, {{60.5, 2}});
  EXPECT_THAT(Read(0, 120, {{a_, kNoLimit}, {b_, kNoLimit}}),
              ElementsAre("0 0", "5 0", "10 1", "30 1", "59 2", "60 3", "60.5 2", "61 4"));
  // Of a span, up to a limit, of some logs.
  EXPECT_THAT(Read(10, 60.5, {{a_, kNoLimit}, {b_, kNoLimit}}),
              ElementsAre("10 1", "30 1", "59 2", "60 3"));
  EXPECT_THAT(Read(0, 120, {{a_, 4}}), ElementsAre("0 0", "10 1", "59 2", "60 3"));
  EXPECT_THAT(Read(200, 300, {{a_, 4}}), IsEmpty());
}

TEST_F(RawTest, FilesThatOverlapGiveEachRecordOnce) {
  Write(a_, 0, 3, {{0, 0}, {1, 1}, {2, 2}});
  Write(a_, 1, 4, {{1, 1}, {2, 2}, {3, 3}});
  // The clock was set back over the hour: positions and hours are not in the same order.
  Write(a_, 4, 6, {{70, 4}, {71, 5}});
  Write(a_, 6, 8, {{50, 6}, {51, 7}});
  EXPECT_THAT(Read(0, 120, {{a_, kNoLimit}}),
              ElementsAre("0 0", "1 1", "2 2", "3 3", "50 6", "51 7", "70 4", "71 5"));
}

TEST_F(RawTest, HoursAreVisitedInTheirOrderAndEmptyFoldersGo) {
  Write(a_, 0, 1, {{0, 0}});
  Write(a_, 1, 2, {{24 * 60, 1}});
  Write(a_, 2, 3, {{60, 2}});
  fs::create_directories(dir_ / "default/raw/s/notes");
  std::vector<double> hours;
  ASSERT_OK(folder_.VisitHours([&](absl::Time hour) {
    hours.push_back(absl::ToDoubleHours(hour - HourOf(At(0))));
    return hours.size() < 2;
  }));
  EXPECT_THAT(hours, ElementsAre(0, 1));
  ASSERT_OK_AND_ASSIGN(const auto files, folder_.FilesOfHour(At(30), uid_));
  ASSERT_THAT(files, SizeIs(1));
  EXPECT_THAT(*folder_.FilesOfHour(At(30), NewUuid()), IsEmpty());
  folder_.RemoveEmptyFolders(At(30));
  EXPECT_TRUE(fs::exists(files[0].path));
  fs::remove(files[0].path);
  folder_.RemoveEmptyFolders(At(30));
  EXPECT_FALSE(fs::exists(files[0].path.parent_path()));
  EXPECT_TRUE(fs::exists(folder_.HourFolder(At(60))));
}

}  // namespace
}  // namespace tarn::ingestion

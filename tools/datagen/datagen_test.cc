// The generator against itself: its own answers, those computed from its files, and its bytes.
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "tools/datagen/csv_reader.h"
#include "tools/datagen/files.h"
#include "tools/datagen/read_answers.h"
#include "tools/datagen/smart_hub_writer.h"

namespace tarn::datagen {
namespace {

namespace fs = std::filesystem;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

SmartHubOptions Options(const fs::path& out) {
  SmartHubOptions options;
  options.homes = 5;
  options.days = 3;
  options.seed = 42;
  options.messages = 500;
  options.out = out;
  return options;
}

// Every file below `dir` with its content.
std::map<std::string, std::string> Contents(const fs::path& dir) {
  std::map<std::string, std::string> contents;
  for (const auto& entry : fs::recursive_directory_iterator(dir)) {
    if (!entry.is_regular_file()) continue;
    contents[fs::relative(entry.path(), dir).string()] = ReadFile(entry.path()).value();
  }
  return contents;
}

// Generates, and expects that the files give the answers that the generator gave.
Answers GenerateAndCheck(const SmartHubOptions& options) {
  const absl::StatusOr<Answers> made = Generate(options);
  EXPECT_OK(made);
  const absl::StatusOr<Answers> read = ComputeAnswers(options.out);
  EXPECT_OK(read);
  if (!made.ok() || !read.ok()) return {};
  EXPECT_EQ(ReadFile(options.out / "answers.json").value(), AnswersJson(*read));
  EXPECT_EQ(AnswersJson(*made), AnswersJson(*read));
  EXPECT_EQ(read->smart_hub.unmatched_rows, 0);
  EXPECT_EQ(read->smart_hub.rows_outside_date, 0);
  EXPECT_EQ(read->smart_hub.rounding_differences, 0);
  return *made;
}

TEST(DatagenTest, TheFilesGiveTheGeneratorsOwnAnswers) {
  const TempDir dir;
  const Answers answers = GenerateAndCheck(Options(dir / "data"));
  EXPECT_EQ(answers.smart_hub.total.rows, 5 * 3 * 288 * 10);
  EXPECT_EQ(answers.smart_hub.homes.size(), 5u);
  EXPECT_EQ(answers.smart_hub.by_state.size(), 4u);
  EXPECT_EQ(answers.smart_hub.by_type.size(), 3u);
  EXPECT_EQ(answers.smart_hub.example_by_device.size(), 10u);
  EXPECT_EQ(answers.smart_hub.first_local_time, "00:00:00");
  EXPECT_EQ(answers.smart_hub.last_local_time, "23:55:00");
  EXPECT_EQ(answers.iot.messages, 500);
  EXPECT_GT(answers.smart_hub.total.cost, 0);
}

TEST(DatagenTest, TheSameSeedGivesTheSameBytesWithAnyNumberOfThreads) {
  const TempDir dir;
  SmartHubOptions one = Options(dir / "one"), two = Options(dir / "two");
  one.threads = 1;
  two.threads = 3;
  ASSERT_OK(Generate(one));
  ASSERT_OK(Generate(two));
  EXPECT_EQ(Contents(one.out), Contents(two.out));
}

TEST(DatagenTest, AnotherSeedGivesOtherBytes) {
  const TempDir dir;
  SmartHubOptions one = Options(dir / "one"), two = Options(dir / "two");
  two.seed = 43;
  ASSERT_OK_AND_ASSIGN(const Answers first, Generate(one));
  ASSERT_OK_AND_ASSIGN(const Answers second, Generate(two));
  EXPECT_NE(first.smart_hub.total.cost, second.smart_hub.total.cost);
  EXPECT_NE(first.smart_hub.example_home, second.smart_hub.example_home);
}

// FNV-1a over names and contents: the meaning of a seed is part of the interface, since answers of
// benchmarks and examples are written down. Change it knowingly.
TEST(DatagenTest, ASeedMeansTheSameBytesAsEverBefore) {
  const TempDir dir;
  ASSERT_OK(Generate(Options(dir / "data")));
  uint64_t hash = 0xcbf29ce484222325ULL;
  for (const auto& [name, content] : Contents(dir / "data")) {
    if (name == "README.md" || name == "answers.json") continue;
    for (const unsigned char c : name + '\n' + content) hash = (hash ^ c) * 0x100000001b3ULL;
  }
  EXPECT_EQ(hash, 0xe213c02d91f881e7ULL) << std::hex << hash;
}

TEST(DatagenTest, TheDayDaylightSavingTimeBeginsHas23Hours) {
  const TempDir dir;
  SmartHubOptions options = Options(dir / "data");
  options.start = absl::CivilDay(2020, 2, 28);  // a leap year's month end, too
  options.days = 12;                            // to 2020-03-10; clocks go forward on the 8th
  const Answers answers = GenerateAndCheck(options);
  for (const auto& [id, home] : answers.smart_hub.homes) {
    ASSERT_EQ(home.by_date.size(), 12u);
    EXPECT_EQ(home.by_date.at("2020-02-29").rows, 2880);
    EXPECT_EQ(home.by_date.at("2020-03-07").rows, 2880);
    EXPECT_EQ(home.by_date.at("2020-03-08").rows, 2760);
    EXPECT_EQ(home.by_date.at("2020-03-09").rows, 2880);
  }
  EXPECT_EQ(answers.smart_hub.rates, 2 * 4 * 24);
}

TEST(DatagenTest, TheDayDaylightSavingTimeEndsHas25Hours) {
  const TempDir dir;
  SmartHubOptions options = Options(dir / "data");
  options.start = absl::CivilDay(2019, 10, 30);
  options.days = 6;  // clocks go back on November 3rd
  const Answers answers = GenerateAndCheck(options);
  for (const auto& [id, home] : answers.smart_hub.homes) {
    EXPECT_EQ(home.by_date.at("2019-10-31").rows, 2880);
    EXPECT_EQ(home.by_date.at("2019-11-01").rows, 2880);
    EXPECT_EQ(home.by_date.at("2019-11-03").rows, 3000);
  }
}

TEST(DatagenTest, TheFilesHaveTheQuirksOfTheRealOnes) {
  const TempDir dir;
  const fs::path hub = dir / "data/smart_hub";
  ASSERT_OK(Generate(Options(dir / "data")));

  int without_newline = 0;
  ASSERT_OK_AND_ASSIGN(const std::vector<fs::path> usage, FilesBelow(hub / "usage", ".json"));
  ASSERT_OK_AND_ASSIGN(const std::vector<fs::path> locations,
                       FilesBelow(hub / "locations", ".csv"));
  for (const fs::path& path : usage) {
    const std::string text = ReadFile(path).value();
    if (text.back() != '\n') ++without_newline;
    EXPECT_THAT(text, HasSubstr(":0,"));
    EXPECT_THAT(text, HasSubstr(":0.04"));
  }
  EXPECT_EQ(without_newline, 1);

  std::map<std::string, std::set<std::string>> postcodes;
  for (const fs::path& path : locations) {
    const std::string text = ReadFile(path).value();
    const std::string state = path.parent_path().filename().string();
    EXPECT_EQ(text.find('\r') == std::string::npos, state == "state=or") << path;
    ASSERT_OK_AND_ASSIGN(const CsvTable table, ParseCsv(text));
    EXPECT_GE(table.rows.size(), 991u);
    const size_t postcode = table.Column("postcode").value();
    for (const auto& row : table.rows) {
      for (const char* always_empty : {"city", "district", "region", "id"}) {
        EXPECT_EQ(row[table.Column(always_empty).value()], "");
      }
      postcodes[state].insert(row[postcode]);
    }
  }
  EXPECT_THAT(postcodes["state=co"], ElementsAre(""));
  EXPECT_THAT(postcodes["state=ct"],
              ElementsAre("", "06901", "06902", "06903", "06904", "06905", "06906", "06907"));
  EXPECT_THAT(postcodes["state=ca"], Not(Contains("")));
}

TEST(DatagenTest, OnlyTheFirstDeviceReportsMuchCarbonMonoxide) {
  const TempDir dir;
  for (const int64_t messages : {3, 30, 9995}) {
    SmartHubOptions options = Options(dir / std::to_string(messages));
    options.homes = options.days = 1;
    options.messages = messages;
    const Answers answers = GenerateAndCheck(options);
    ASSERT_EQ(answers.iot.devices.size(), 3u);
    for (const auto& [name, device] : answers.iot.devices) {
      EXPECT_EQ(device.co_max > 0.01, name == "iot-device-01") << name;
    }
  }
}

TEST(DatagenTest, DecemberHasTheRealRates) {
  EXPECT_EQ(SmartHubModel::RateThousandths(3, absl::CivilMonth(2019, 12), 0), 4209);
  EXPECT_EQ(SmartHubModel::RateThousandths(0, absl::CivilMonth(2019, 12), 2), 15148);
  EXPECT_NE(SmartHubModel::RateThousandths(0, absl::CivilMonth(2020, 7), 2), 15148);
}

TEST(DatagenTest, AFolderThatIsNotEmptyIsRefused) {
  const TempDir dir;
  dir.WriteFile("data/old.json", "{}");
  EXPECT_THAT(Generate(Options(dir / "data")),
              StatusIs(absl::StatusCode::kAlreadyExists, "FOLDER_NOT_EMPTY"));
}

TEST(DatagenTest, OptionsOutOfRangeAreAllNamed) {
  SmartHubOptions options = Options("unused");
  options.homes = 0;
  options.days = 99999;
  const absl::Status status = SmartHubModel::Make(options).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("--homes"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("--days"));
}

TEST(ComputeAnswersTest, AChangedReadingChangesTheAnswers) {
  const TempDir dir;
  const SmartHubOptions options = Options(dir / "data");
  ASSERT_OK_AND_ASSIGN(const Answers made, Generate(options));
  const fs::path path = FilesBelow(options.out / "smart_hub/usage", ".json").value().front();
  std::string text = ReadFile(path).value();
  text.replace(text.find(":0.04"), 5, ":0.05");
  ASSERT_OK(WriteFile(path, text));
  ASSERT_OK_AND_ASSIGN(const Answers read, ComputeAnswers(options.out));
  EXPECT_EQ(read.smart_hub.total.kwh_nanos - made.smart_hub.total.kwh_nanos, 10'000'000);
  EXPECT_GT(read.smart_hub.total.cost, made.smart_hub.total.cost);
}

TEST(ComputeAnswersTest, RowsWithoutAMappingAreCountedAndLeftOut) {
  const TempDir dir;
  const SmartHubOptions options = Options(dir / "data");
  ASSERT_OK_AND_ASSIGN(const Answers made, Generate(options));
  fs::remove(FilesBelow(options.out / "smart_hub/mappings", ".json").value().front());
  ASSERT_OK_AND_ASSIGN(const Answers read, ComputeAnswers(options.out));
  EXPECT_EQ(read.smart_hub.unmatched_rows, 3 * 2880);
  EXPECT_EQ(read.smart_hub.total.rows + 3 * 2880, made.smart_hub.total.rows);
}

TEST(ComputeAnswersTest, AReadingInAnotherDatesFolderIsCounted) {
  const TempDir dir;
  const SmartHubOptions options = Options(dir / "data");
  ASSERT_OK(Generate(options));
  const fs::path usage = options.out / "smart_hub/usage";
  const fs::path path = FilesBelow(usage / "dt=2019-12-21", ".json").value().front();
  fs::rename(path, usage / "dt=2019-12-22" / path.filename());
  ASSERT_OK_AND_ASSIGN(const Answers read, ComputeAnswers(options.out));
  EXPECT_EQ(read.smart_hub.rows_outside_date, 2880);
}

TEST(ComputeAnswersTest, ABrokenLineIsNamedByFileAndNumber) {
  const TempDir dir;
  ASSERT_OK(Generate(Options(dir / "data")));
  dir.WriteFile("data/smart_hub/usage/dt=2019-12-21/zz.json", "\n{\"loc_id\":\n");
  EXPECT_THAT(ComputeAnswers(dir / "data"), StatusIs(absl::StatusCode::kInvalidArgument,
                                                     "BAD_SAMPLE_FILE", HasSubstr("zz.json:2")));
}

TEST(ComputeAnswersTest, AFolderOfAnotherLayoutIsRefused) {
  const TempDir dir;
  EXPECT_THAT(ComputeAnswers(dir.path()),
              StatusIs(absl::StatusCode::kNotFound, "FOLDER_NOT_FOUND"));
}

}  // namespace
}  // namespace tarn::datagen

// The whole example through real processes, in both forms, with answers that are known from
// elsewhere; and what is lost or doubled when a program is killed in the middle of it: nothing.
#include <atomic>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <signal.h>
#include <sstream>
#include <thread>

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_replace.h>
#include <absl/strings/str_split.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/e2e/deployment.h"
#include "tools/datagen/answers.h"
#include "tools/datagen/smart_hub_writer.h"

namespace tarn::e2e {
namespace {

using ::testing::HasSubstr;

// The sums of answers are integers: ten-thousandths of a cent.
void ExpectCents(const std::string& text, int64_t cost) {
  double cents = 0;
  EXPECT_TRUE(absl::SimpleAtod(text, &cents)) << text;
  EXPECT_NEAR(cents, static_cast<double>(cost) / 10'000, 0.00005);
}

class SmartHubTest : public ::testing::TestWithParam<Form> {
 protected:
  void SetUp() override {
    datagen::SmartHubOptions options;
    options.homes = 4;
    options.days = 2;
    options.messages = 600;
    options.out = raw();
    auto answers = datagen::Generate(options);
    ASSERT_TRUE(answers.ok()) << answers.status();
    answers_ = *std::move(answers);
    ASSERT_TRUE(tarn_.Start());
  }

  std::string raw() const { return tarn_.folder() + "/raw"; }

  CommandResult Must(const std::vector<std::string>& arguments, const std::string& input = "") {
    CommandResult result = tarn_.Tarn(arguments, input);
    EXPECT_EQ(result.exit_code, 0)
        << absl::StrCat("tarn ", arguments[0], ": ", result.out, result.err);
    return result;
  }

  // The example's manifests, their channel leading to `url`.
  void Apply(const std::string& url) {
    const std::string copy = tarn_.folder() + "/manifests";
    std::filesystem::remove_all(copy);
    std::filesystem::copy("docs/examples/smart-hub", copy);
    std::stringstream text;
    text << std::ifstream(copy + "/05-alerting.yaml").rdbuf();
    std::ofstream(copy + "/05-alerting.yaml")
        << absl::StrReplaceAll(text.str(), {{"http://127.0.0.1:8099/alerts", url}});
    applied_ = Must({"apply", "-f", copy}).out;
  }

  void Upload() {
    for (const char* table : {"usage_json:usage", "mappings_json:mappings",
                              "locations_csv:locations", "rates_xml:rates"}) {
      const std::vector<std::string> parts = absl::StrSplit(table, ':');
      Must({"upload", "smart_hub." + parts[0], raw() + "/smart_hub/" + parts[1]});
    }
  }

  void ExpectAnswers() {
    const datagen::SmartHubAnswers& hub = answers_.smart_hub;
    const std::vector<std::string> total =
        tarn_.Query("SELECT count(*), round(sum(cost), 4) FROM smart_hub.usage_enriched");
    ASSERT_EQ(total.size(), 1u);
    const std::vector<std::string> fields = absl::StrSplit(total[0], ',');
    ASSERT_EQ(fields.size(), 2u) << total[0];
    EXPECT_EQ(fields[0], absl::StrCat(hub.total.rows));
    ExpectCents(fields[1], hub.total.cost);
    const std::vector<std::string> days = tarn_.Query(
        "SELECT loc_id, dt, count(*), round(sum(cost), 4) FROM smart_hub.usage_enriched GROUP BY "
        "ALL ORDER BY ALL");
    size_t at = 0;
    for (const auto& [home, answers] : hub.homes) {
      for (const auto& [day, tally] : answers.by_date) {
        ASSERT_LT(at, days.size());
        const std::vector<std::string> row = absl::StrSplit(days[at++], ',');
        ASSERT_EQ(row.size(), 4u);
        EXPECT_EQ(row[0], home);
        EXPECT_EQ(row[1], day);
        EXPECT_EQ(row[2], absl::StrCat(tally.rows));
        ExpectCents(row[3], tally.cost);
      }
    }
    EXPECT_EQ(at, days.size());
  }

  Deployment tarn_{GetParam()};
  datagen::Answers answers_;
  std::string applied_;
};

TEST_P(SmartHubTest, RunsFromRawFilesToTheKnownAnswersAndAgainTheSame) {
  const std::string notifications = tarn_.folder() + "/notifications.jsonl";
  const std::string state = tarn_.folder() + "/receiver.json";
  Child receiver({"node", "deploy/demo/receiver.mjs", notifications, state}, {},
                 tarn_.folder() + "/receiver.log");
  ASSERT_TRUE(WaitUntil([&] { return std::filesystem::exists(state); }, absl::Seconds(20)));
  const int port = nlohmann::json::parse(std::ifstream(state))["port"];
  const std::string url = absl::StrCat("http://127.0.0.1:", port, "/alerts");

  Apply(url);
  EXPECT_THAT(applied_, HasSubstr("created"));
  Apply(url);
  EXPECT_THAT(applied_, ::testing::Not(HasSubstr("created")));
  EXPECT_THAT(applied_, ::testing::Not(HasSubstr("updated")));
  Upload();
  Must({"run", "smart-hub", "--wait"});
  ExpectAnswers();
  // Compacted to one file a partition.
  const CommandResult table = Must({"get", "table", "smart_hub.usage_enriched", "-o", "json"});
  EXPECT_THAT(table.out,
              HasSubstr(absl::StrCat("\"fileCount\": \"", answers_.smart_hub.homes.size(), "\"")))
      << table.out;

  // A home alone, and everything again: the same rows.
  const std::string home = answers_.smart_hub.homes.begin()->first;
  const std::string day = answers_.smart_hub.homes.begin()->second.by_date.begin()->first;
  Must({"run", "smart-hub", "--wait", "--param", "home=" + home, "--param", "from_date=" + day,
        "--param", "until_date=" + day});
  ExpectAnswers();
  Upload();
  Must({"run", "smart-hub", "--wait"});
  ExpectAnswers();

  // The same file of messages twice is stored once.
  for (int round = 0; round < 2; ++round) {
    Must({"put", "device_messages", raw() + "/iot/raw_data_large.json", "--flush"});
    EXPECT_EQ(tarn_.Query("SELECT count(*) FROM iot.device_messages"),
              (std::vector<std::string>{"600"}));
  }
  std::string received;
  EXPECT_TRUE(WaitUntil(
      [&] {
        std::stringstream text;
        text << std::ifstream(notifications).rdbuf();
        received = text.str();
        return received.find("iot-device-01") != std::string::npos;
      },
      absl::Seconds(60)));
  EXPECT_THAT(received, ::testing::Not(HasSubstr("iot-device-02")));
  EXPECT_THAT(Must({"alerts"}).out, HasSubstr("iot-device-01"));

  // The page shows the same.
  const double dollars = static_cast<double>(answers_.smart_hub.total.cost) / 1'000'000;
  const char* pictures = std::getenv("TARN_PICTURES");
  const CommandResult page = RunCommand(
      {"node", "tests/e2e/page.mjs", "http://" + tarn_.http_address(), tarn_.admin_key_file(),
       absl::StrCat(dollars), pictures != nullptr ? pictures : tarn_.folder() + "/pictures"});
  EXPECT_EQ(page.exit_code, 0) << page.out << page.err;
}

// Numbered records are put while each program in turn is killed; afterwards every acknowledged one
// is in the table once.
TEST_P(SmartHubTest, AKillLosesNoAcknowledgedRecordAndDoublesNone) {
  Apply("http://127.0.0.1:9/alerts");
  Upload();
  std::atomic<bool> stop = false;
  std::atomic<int> acknowledged = 0;
  std::atomic<int> sent = 0;
  std::thread producer([&] {
    while (!stop) {
      const int number = sent++;
      const std::string record = absl::StrCat("{\"device\":\"d\",\"n\":", number, "}\n");
      // One file of one record: its key makes a retry store nothing twice.
      if (tarn_.Tarn({"put", "device_messages"}, record).exit_code == 0) {
        ++acknowledged;
      } else {
        // Not known to be stored: asked for again until it is, with the same key.
        while (tarn_.Tarn({"put", "device_messages"}, record).exit_code != 0)
          absl::SleepFor(absl::Milliseconds(50));
        ++acknowledged;
      }
    }
  });
  for (const std::string& program : tarn_.programs()) {
    const int before = acknowledged;
    EXPECT_TRUE(WaitUntil([&] { return acknowledged > before + 3; }, absl::Seconds(60))) << program;
    tarn_.Tarn({"run", "smart-hub"});
    tarn_.KillAndRestart(program);
  }
  const int before = acknowledged;
  EXPECT_TRUE(WaitUntil([&] { return acknowledged > before + 3; }, absl::Seconds(60)));
  stop = true;
  producer.join();
  ASSERT_TRUE(tarn_.WaitServing());
  EXPECT_TRUE(WaitUntil(
      [&] {
        return tarn_.Query("SELECT count(*), count(DISTINCT n) FROM iot.device_messages") ==
               std::vector<std::string>{absl::StrCat(sent.load(), ",", sent.load())};
      },
      absl::Seconds(60)))
      << sent << " were put; the table has "
      << ::testing::PrintToString(tarn_.Query(
             "SELECT count(*), count(DISTINCT n), min(n), max(n) FROM iot.device_messages"));
  // What was begun in the middle goes on: the pipeline still comes to its answers.
  Must({"run", "smart-hub", "--wait"});
  ExpectAnswers();
}

INSTANTIATE_TEST_SUITE_P(Forms, SmartHubTest,
                         ::testing::Values(Form::kStandalone, Form::kSixProcesses),
                         [](const auto& form) {
                           return form.param == Form::kStandalone ? "Standalone" : "SixProcesses";
                         });

}  // namespace
}  // namespace tarn::e2e

// The whole example through real processes, in both forms, with answers that are known from
// elsewhere; and what is lost or doubled when a program is killed in the middle of it: nothing.
#include "tests/e2e/smart_hub.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/e2e/deployment.h"
#include "tests/e2e/numbered_producer.h"

namespace tarn::e2e {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class SmartHubTest : public ::testing::TestWithParam<Form> {
 protected:
  void SetUp() override {
    hub_.Generate({});
    ASSERT_TRUE(tarn_.Start());
  }

  Deployment tarn_{GetParam()};
  SmartHub hub_{tarn_};
};

TEST_P(SmartHubTest, RunsFromRawFilesToTheKnownAnswersAndAgainTheSame) {
  const std::string notifications = tarn_.folder() + "/notifications.jsonl";
  const std::string state = tarn_.folder() + "/receiver.json";
  Child receiver({"node", "deploy/demo/receiver.mjs", notifications, state}, {},
                 tarn_.folder() + "/receiver.log");
  ASSERT_TRUE(WaitUntil([&] { return std::filesystem::exists(state); }, absl::Minutes(1)));
  const int port = nlohmann::json::parse(std::ifstream(state))["port"];
  const std::string url = absl::StrCat("http://127.0.0.1:", port, "/alerts");

  EXPECT_THAT(hub_.Apply(url), HasSubstr("created"));
  EXPECT_THAT(hub_.Apply(url), AllOf(Not(HasSubstr("created")), Not(HasSubstr("updated"))));
  hub_.Upload();
  hub_.Must({"run", "smart-hub", "--wait"});
  hub_.ExpectAnswers();
  // Compacted to one file a partition.
  const CommandResult table = hub_.Must({"get", "table", "smart_hub.usage_enriched", "-o", "json"});
  EXPECT_THAT(table.out,
              HasSubstr(absl::StrCat("\"fileCount\": \"", hub_.answers().homes.size(), "\"")))
      << table.out;

  // A home alone, and everything again: the same rows.
  const std::string home = hub_.answers().homes.begin()->first;
  const std::string day = hub_.answers().homes.begin()->second.by_date.begin()->first;
  hub_.Must({"run", "smart-hub", "--wait", "--param", "home=" + home, "--param", "from_date=" + day,
             "--param", "until_date=" + day});
  hub_.ExpectAnswers();
  hub_.Upload();
  hub_.Must({"run", "smart-hub", "--wait"});
  hub_.ExpectAnswers();

  // The same file of messages twice is stored once.
  for (int round = 0; round < 2; ++round) {
    hub_.Must({"put", "device_messages", hub_.raw() + "/iot/raw_data_large.json", "--flush"});
    EXPECT_EQ(tarn_.Query("SELECT count(*) FROM iot.device_messages"),
              (std::vector<std::string>{"600"}));
  }
  // From the same stream through activities: rounded and converted as a query does it afterwards.
  EXPECT_EQ(tarn_.Query("SELECT device, count(*), round(avg(temp), 4), round(sum(co), 4), "
                        "round(sum(humidity), 4), count(longitude), count(installed) "
                        "FROM iot.readings GROUP BY device ORDER BY device"),
            tarn_.Query("SELECT device, count(*), round(avg(round(data.temp, 2) * 1.8 + 32), 4), "
                        "round(sum(round(data.co, 4)), 4), round(sum(round(data.humidity, 2)), 4), "
                        "count(*), count(*) FROM iot.device_messages GROUP BY device "
                        "ORDER BY device"));
  EXPECT_EQ(tarn_.Query("SELECT count(*) FROM iot.readings"), (std::vector<std::string>{"600"}));
  std::string received;
  EXPECT_TRUE(WaitUntil(
      [&] {
        std::stringstream text;
        text << std::ifstream(notifications).rdbuf();
        received = text.str();
        return received.find("iot-device-01") != std::string::npos;
      },
      absl::Minutes(2)));
  EXPECT_THAT(received, Not(HasSubstr("iot-device-02")));
  EXPECT_THAT(hub_.Must({"alerts"}).out, HasSubstr("iot-device-01"));

  // The page shows the same.
  const double dollars = static_cast<double>(hub_.answers().total.cost) / 1'000'000;
  const char* pictures = std::getenv("TARN_PICTURES");
  const CommandResult page = RunCommand(
      {"node", "tests/e2e/page.mjs", "http://" + tarn_.http_address(), tarn_.admin_key_file(),
       absl::StrCat(dollars), pictures != nullptr ? pictures : tarn_.folder() + "/pictures"});
  EXPECT_EQ(page.exit_code, 0) << page.out << page.err;
}

// Numbered records are put while each program in turn is killed; afterwards every acknowledged one
// is in the table once.
TEST_P(SmartHubTest, AKillLosesNoAcknowledgedRecordAndDoublesNone) {
  hub_.Apply();
  hub_.ApplyNumbers();
  hub_.Upload();
  NumberedProducer producer({.address = tarn_.address(),
                             .key_file = tarn_.admin_key_file(),
                             .stream = "streams/numbers"});
  for (const std::string& program : tarn_.programs()) {
    EXPECT_TRUE(producer.WaitForMore(20)) << program;
    tarn_.Tarn({"run", "smart-hub"});
    tarn_.KillAndRestart(program);
  }
  EXPECT_TRUE(producer.WaitForMore(20));
  const std::vector<RecordFate> fates = producer.Stop();
  EXPECT_EQ(std::count(fates.begin(), fates.end(), RecordFate::kUnknown), 0);
  ASSERT_TRUE(tarn_.WaitServing());
  const std::vector<std::string> wanted = {absl::StrCat(fates.size(), ",", fates.size())};
  std::vector<std::string> got;
  EXPECT_TRUE(WaitUntil(
      [&] {
        got = tarn_.Query("SELECT count(*), count(DISTINCT n) FROM iot.numbers");
        return got == wanted;
      },
      absl::Minutes(2)))
      << fates.size() << " were put; the table has " << ::testing::PrintToString(got);
  // What was begun in the middle goes on: the pipeline still comes to its answers.
  hub_.Must({"run", "smart-hub", "--wait"});
  hub_.ExpectAnswers();
}

INSTANTIATE_TEST_SUITE_P(Forms, SmartHubTest,
                         ::testing::Values(Form::kStandalone, Form::kSixProcesses),
                         [](const auto& form) {
                           return form.param == Form::kStandalone ? "Standalone" : "SixProcesses";
                         });

}  // namespace
}  // namespace tarn::e2e

// PostgreSQL goes, at the start or in the middle of the work, and comes back: every module goes on
// by itself, and no acknowledged record is lost or doubled.
#include <algorithm>
#include <unistd.h>

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <grpcpp/security/credentials.h>
#include <gtest/gtest.h>

#include "tests/e2e/deployment.h"
#include "tests/e2e/numbered_producer.h"
#include "tests/e2e/smart_hub.h"

namespace tarn::e2e {
namespace {

using ::testing::HasSubstr;

constexpr absl::Duration kLong = absl::Minutes(2);

class PostgresFaultTest : public ::testing::TestWithParam<Form> {
 protected:
  // Every number that was put is in the table, once.
  void ExpectEachOnce(int64_t count) {
    const std::vector<std::string> wanted = {absl::StrCat(count, ",", count)};
    std::vector<std::string> got;
    EXPECT_TRUE(WaitUntil(
        [&] {
          got = tarn_.Query("SELECT count(*), count(DISTINCT n) FROM iot.numbers");
          return got == wanted;
        },
        kLong))
        << count << " were put; the table has " << ::testing::PrintToString(got);
  }

  // Each module's own answer, which needs its tables.
  void ExpectEveryModuleAnswers() {
    for (const std::vector<std::string>& command :
         {std::vector<std::string>{"get", "databases"},
          {"get", "pipelines"},
          {"get", "queries"},
          {"get", "streams"},
          {"get", "rules"},
          {"get", "dashboards"},
          {"alerts"},
          {"query", "SELECT count(*) FROM smart_hub.usage_enriched"}}) {
      const CommandResult result = tarn_.Tarn(command);
      EXPECT_EQ(result.exit_code, 0) << command[0] << " " << command.back() << ": " << result.err;
    }
  }

  void KillPostgres() {
    const pid_t killed = tarn_.PostgresPid();
    ASSERT_GT(killed, 0);
    tarn_.KillPostgres();
    EXPECT_TRUE(WaitUntil(
        [&] {
          const pid_t now = tarn_.PostgresPid();
          return now > 0 && now != killed;
        },
        kLong));
  }

  Deployment tarn_{GetParam(), {.postgres_survives_kill = true}};
  SmartHub hub_{tarn_};
};

TEST_P(PostgresFaultTest, EverythingGoesOnByItselfWhenPostgresWasKilled) {
  if (GetParam() == Form::kSixProcesses) {
    // Nobody listens yet: each program starts, says so and waits.
    ASSERT_TRUE(tarn_.StartPostgres());
    tarn_.StopPostgres();
    for (const std::string& program : tarn_.programs()) {
      ASSERT_TRUE(tarn_.StartProgram(program));
      std::string log;
      EXPECT_TRUE(WaitUntil(
          [&] { return (log = tarn_.Log(program)).find("cannot be reached") != log.npos; }, kLong))
          << program << ": " << log;
      EXPECT_THAT(log, HasSubstr("check that it runs")) << program;
    }
    ASSERT_TRUE(tarn_.StartPostgres());
    ASSERT_TRUE(tarn_.WaitServing());
  } else {
    ASSERT_TRUE(tarn_.Start());
  }
  hub_.Generate({.homes = 2, .days = 1, .messages = 10});
  hub_.Apply();
  hub_.ApplyNumbers();
  hub_.Upload();
  NumberedProducer producer({.address = tarn_.address(),
                             .key_file = tarn_.admin_key_file(),
                             .stream = "streams/numbers"});
  ASSERT_TRUE(producer.WaitForMore(40));
  // Before, in the middle of, and after the work.
  for (int round = 0; round < 2; ++round) {
    if (round == 1) hub_.Must({"run", "smart-hub"});
    KillPostgres();
    EXPECT_TRUE(producer.WaitForMore(40));
    ASSERT_TRUE(tarn_.WaitServing());
  }
  const std::vector<RecordFate> fates = producer.Stop();
  hub_.Must({"run", "smart-hub", "--wait"});
  hub_.ExpectAnswers();
  EXPECT_GE(fates.size(), 120u);
  EXPECT_EQ(std::count(fates.begin(), fates.end(), RecordFate::kUnknown), 0);
  ExpectEachOnce(static_cast<int64_t>(fates.size()));
  ExpectEveryModuleAnswers();
}

INSTANTIATE_TEST_SUITE_P(Forms, PostgresFaultTest,
                         ::testing::Values(Form::kStandalone, Form::kSixProcesses),
                         [](const auto& form) {
                           return form.param == Form::kStandalone ? "Standalone" : "SixProcesses";
                         });

}  // namespace
}  // namespace tarn::e2e

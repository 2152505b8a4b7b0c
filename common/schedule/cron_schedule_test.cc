#include "common/schedule/cron_schedule.h"

#include <string>
#include <vector>

#include "common/testing/status_matchers.h"

namespace tarn {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

// The next `count` runs after a local time, as local times with their offset.
std::vector<std::string> Runs(const std::string& expression, const std::string& zone,
                              const std::string& after, int count) {
  auto schedule = CronSchedule::Parse(expression, zone);
  if (!schedule.ok()) return {std::string(schedule.status().message())};
  absl::Time time;
  std::string error;
  if (!absl::ParseTime("%Y-%m-%dT%H:%M:%E*S%Ez", after, &time, &error)) return {error};
  const absl::TimeZone tz = *LoadTimeZone(zone);
  std::vector<std::string> runs;
  for (int i = 0; i < count; ++i) {
    time = schedule->Next(time);
    runs.push_back(absl::FormatTime("%Y-%m-%dT%H:%M:%S%Ez", time, tz));
  }
  return runs;
}

TEST(CronScheduleTest, RunsAtTheTimesItsFieldsName) {
  EXPECT_THAT(Runs("30 2 * * *", "", "2024-01-31T02:30:00Z", 2),
              ElementsAre("2024-02-01T02:30:00+00:00", "2024-02-02T02:30:00+00:00"));
  EXPECT_THAT(Runs("*/20 8-9 * * *", "", "2024-01-01T08:19:59.9Z", 6),
              ElementsAre("2024-01-01T08:20:00+00:00", "2024-01-01T08:40:00+00:00",
                          "2024-01-01T09:00:00+00:00", "2024-01-01T09:20:00+00:00",
                          "2024-01-01T09:40:00+00:00", "2024-01-02T08:00:00+00:00"));
  EXPECT_THAT(Runs("0 12 * * mon-fri", "", "2024-01-05T12:00:00Z", 1),  // a Friday
              ElementsAre("2024-01-08T12:00:00+00:00"));
  EXPECT_THAT(Runs("5/25 0 1 JAN,jul *", "", "2024-01-01T00:10:00Z", 3),
              ElementsAre("2024-01-01T00:30:00+00:00", "2024-01-01T00:55:00+00:00",
                          "2024-07-01T00:05:00+00:00"));
}

TEST(CronScheduleTest, SundayIsZeroAndSeven) {
  for (const char* expression : {"0 0 * * 0", "0 0 * * 7", "0 0 * * SUN", "@weekly"}) {
    EXPECT_THAT(Runs(expression, "", "2024-01-01T00:00:00Z", 1),
                ElementsAre("2024-01-07T00:00:00+00:00"));
  }
}

TEST(CronScheduleTest, EitherDayFieldIsEnoughWhenBothAreRestricted) {
  EXPECT_THAT(Runs("0 0 10 * FRI", "", "2024-01-01T00:00:00Z", 3),
              ElementsAre("2024-01-05T00:00:00+00:00", "2024-01-10T00:00:00+00:00",
                          "2024-01-12T00:00:00+00:00"));
}

TEST(CronScheduleTest, FindsLeapDaysAcrossACentury) {
  EXPECT_THAT(Runs("0 0 29 2 *", "", "2096-03-01T00:00:00Z", 1),
              ElementsAre("2104-02-29T00:00:00+00:00"));
}

TEST(CronScheduleTest, MacrosAndIntervals) {
  EXPECT_THAT(Runs("@hourly", "", "2024-01-01T00:00:00Z", 1),
              ElementsAre("2024-01-01T01:00:00+00:00"));
  EXPECT_THAT(Runs("@yearly", "", "2024-01-01T00:00:00Z", 1),
              ElementsAre("2025-01-01T00:00:00+00:00"));
  EXPECT_THAT(Runs("@every 30s", "", "2024-01-01T00:00:07Z", 2),
              ElementsAre("2024-01-01T00:00:30+00:00", "2024-01-01T00:01:00+00:00"));
}

TEST(CronScheduleTest, GoesByTheLocalTimeOfItsZone) {
  EXPECT_THAT(Runs("0 8 * * *", "America/New_York", "2024-03-09T00:00:00Z", 2),
              ElementsAre("2024-03-09T08:00:00-05:00", "2024-03-10T08:00:00-04:00"));
}

TEST(CronScheduleTest, ATimeInAGapRunsOnceAtTheFirstInstantAfterIt) {
  // Clocks go from 02:00 to 03:00.
  EXPECT_THAT(Runs("30 2 * * *", "America/New_York", "2024-03-09T12:00:00Z", 2),
              ElementsAre("2024-03-10T03:00:00-04:00", "2024-03-11T02:30:00-04:00"));
  EXPECT_THAT(Runs("*/20 2 * * *", "America/New_York", "2024-03-10T05:00:00Z", 2),
              ElementsAre("2024-03-10T03:00:00-04:00", "2024-03-11T02:00:00-04:00"));
  EXPECT_THAT(Runs("*/30 * * * *", "America/New_York", "2024-03-10T06:29:00Z", 3),
              ElementsAre("2024-03-10T01:30:00-05:00", "2024-03-10T03:00:00-04:00",
                          "2024-03-10T03:30:00-04:00"));
}

TEST(CronScheduleTest, ATimeThatOccursTwiceRunsOnceAtTheFirst) {
  // Clocks go from 02:00 back to 01:00.
  EXPECT_THAT(Runs("30 1 * * *", "America/New_York", "2024-11-03T04:00:00Z", 2),
              ElementsAre("2024-11-03T01:30:00-04:00", "2024-11-04T01:30:00-05:00"));
}

TEST(CronScheduleTest, AScheduleOfEveryHourDoesNotPauseWhenClocksGoBack) {
  EXPECT_THAT(Runs("*/30 * * * *", "America/New_York", "2024-11-03T05:15:00Z", 5),
              ElementsAre("2024-11-03T01:30:00-04:00", "2024-11-03T01:00:00-05:00",
                          "2024-11-03T01:30:00-05:00", "2024-11-03T02:00:00-05:00",
                          "2024-11-03T02:30:00-05:00"));
}

TEST(CronScheduleTest, EveryRunIsLaterThanTheOneBeforeForYears) {
  for (const char* zone : {"America/New_York", "Europe/Zurich", "Australia/Lord_Howe", "UTC"}) {
    for (const char* expression : {"*/15 * * * *", "10 1,2,3 * * *"}) {
      ASSERT_OK_AND_ASSIGN(CronSchedule schedule, CronSchedule::Parse(expression, zone));
      absl::Time time = absl::FromUnixSeconds(1704067200);
      for (int i = 0; i < 3000; ++i) {
        const absl::Time next = schedule.Next(time);
        ASSERT_GT(next, time);
        ASSERT_LE(next - time, absl::Hours(24));
        time = next;
      }
    }
  }
}

TEST(CronScheduleTest, RefusesWhatItCannotRead) {
  for (const char* expression :
       {"", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *",
        "* * * * 8", "*/0 * * * *", "5-1 * * * *", "a * * * *", "1,,2 * * * *", "-1 * * * *",
        "@fortnightly", "@every", "@every 0s", "@every x", "0 0 30 2 *", "1-2-3 * * * *"}) {
    EXPECT_THAT(CronSchedule::Parse(expression, ""), StatusIs(kInvalid, "INVALID_SCHEDULE"))
        << expression;
  }
  EXPECT_THAT(CronSchedule::Parse("61 * * * *", ""),
              StatusIs(kInvalid, "INVALID_SCHEDULE", HasSubstr("'61' is not a minute")));
  for (const char* zone : {"Mars/Olympus", "/etc/localtime", "../UTC", "file:UTC"}) {
    EXPECT_THAT(CronSchedule::Parse("@daily", zone), StatusIs(kInvalid, "INVALID_TIME_ZONE"));
  }
}

}  // namespace
}  // namespace tarn

// What goes to a receiver, and when it is tried again.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tarn/common/v1/retry.pb.h"

#include "services/alerting/delivery/http_sender.h"
#include "services/alerting/delivery/notification_body.h"
#include "services/alerting/delivery/retry_schedule.h"

namespace tarn::alerting {
namespace {

TEST(NotificationBodyTest, AWebhookIsToldEverything) {
  const std::string payload = PayloadJson({.kind = "alert",
                                           .rule = "rules/co",
                                           .state = "firing",
                                           .severity = "critical",
                                           .labels = {{"device", "d1"}},
                                           .value = 0.5,
                                           .subject = "rules/co/alerts/1"});
  EXPECT_EQ(WebhookBody(payload, "id-1", absl::FromUnixMillis(1'700'000'000'123), "It \"fires\""),
            R"({"id":"id-1","time":"2023-11-14T22:13:20.123Z","kind":"alert","rule":"rules/co",)"
            R"("state":"firing","severity":"critical","labels":{"device":"d1"},"value":0.5,)"
            R"("subject":"rules/co/alerts/1","message":"It \"fires\""})");
}

TEST(NotificationBodyTest, ANotificationHasNoAlertsFields) {
  EXPECT_EQ(PayloadJson({.kind = "notification", .subject = "pipelines/p"}),
            R"({"kind":"notification","subject":"pipelines/p"})");
}

TEST(NotificationBodyTest, TextThatIsNotUtf8IsRepaired) {
  EXPECT_FALSE(nlohmann::json::parse(SlackBody("a\xff"), nullptr, false).is_discarded());
}

TEST(NotificationBodyTest, SlackCannotBeMadeToMention) {
  EXPECT_EQ(SlackBody("<!channel> & co"), R"({"text":"&lt;!channel&gt; &amp; co"})");
}

// RFC 4231, test case 2.
TEST(SignatureTest, IsHmacSha256) {
  EXPECT_EQ(Signature("Jefe", "what do ya want for nothing?"),
            "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

TEST(RetryScheduleTest, WaitsGrowToTheLongest) {
  RetrySchedule schedule = RetrySchedule::Of({});
  EXPECT_EQ(schedule.max_attempts, 5);
  EXPECT_EQ(schedule.WaitAfter(1, 0), absl::Seconds(1));
  EXPECT_EQ(schedule.WaitAfter(2, 0), absl::Seconds(2));
  EXPECT_EQ(schedule.WaitAfter(4, 0), absl::Seconds(8));
  EXPECT_EQ(schedule.WaitAfter(20, 0), absl::Minutes(5));
  EXPECT_EQ(schedule.WaitAfter(1, 1), absl::Milliseconds(1200));
}

TEST(RetryScheduleTest, RespectsWhatTheReceiverAsksForWithinAnHour) {
  RetrySchedule schedule;
  EXPECT_EQ(schedule.WaitAfter(1, 0, absl::Seconds(30)), absl::Seconds(30));
  EXPECT_EQ(schedule.WaitAfter(1, 0, absl::ZeroDuration()), absl::Seconds(1));
  EXPECT_EQ(schedule.WaitAfter(1, 0, absl::Hours(100)), absl::Hours(1));
}

TEST(RetryAfterTest, IsSecondsOrADate) {
  const absl::Time now = absl::FromUnixSeconds(784111767);  // ten seconds before the date below
  EXPECT_EQ(ParseRetryAfter("120", now), absl::Seconds(120));
  EXPECT_EQ(ParseRetryAfter("Sun, 06 Nov 1994 08:49:37 GMT", now), absl::Seconds(10));
  EXPECT_EQ(ParseRetryAfter("", now), std::nullopt);
  EXPECT_EQ(ParseRetryAfter("soon", now), std::nullopt);
  EXPECT_EQ(ParseRetryAfter("-5", now), std::nullopt);
}

}  // namespace
}  // namespace tarn::alerting

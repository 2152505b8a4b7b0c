// Channels and deliveries, over gRPC on a real PostgreSQL, to a receiver that fails as told.
#include <absl/time/clock.h>
#include <nlohmann/json.hpp>

#include "common/failpoint/failpoint.h"
#include "common/status/error.h"
#include "common/testing/status_matchers.h"
#include "services/alerting/delivery/notification_body.h"
#include "services/alerting/testing/alerting_fixture.h"

namespace tarn::alerting {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

class DeliveriesPgTest : public AlertingFixture {
 protected:
  absl::StatusOr<v1::Delivery> Send(const std::string& request_id = "",
                                    const std::string& subject = "pipelines/p/runs/r") {
    v1::SendNotificationRequest request;
    request.set_channel("channels/ops");
    request.set_message("The run <1> ended");
    request.set_subject(subject);
    request.set_request_id(request_id);
    return Call(&Stub::SendNotification, request);
  }
  bool NewestIs(v1::DeliveryState state) {
    return Eventually([&] {
      auto deliveries = Deliveries();
      return !deliveries.empty() && deliveries[0].state() == state;
    });
  }
  bool NewestWasTried(int attempts) {
    return Eventually([&] {
      auto deliveries = Deliveries();
      return !deliveries.empty() && deliveries[0].attempt_count() == attempts;
    });
  }
};

TEST_F(DeliveriesPgTest, ANotificationIsDurableBeforeTheAnswerAndSentOnceForARequest) {
  ASSERT_OK(CreateChannel(OpsChannel()));
  ASSERT_OK_AND_ASSIGN(v1::Delivery first, Send("r1"));
  EXPECT_EQ(first.state(), v1::DELIVERY_STATE_PENDING);
  ASSERT_OK_AND_ASSIGN(v1::Delivery second, Send("r1"));
  EXPECT_EQ(first.name(), second.name());
  ASSERT_TRUE(NewestIs(v1::DELIVERY_STATE_DELIVERED));
  ASSERT_THAT(Deliveries(), SizeIs(1));
  EXPECT_EQ(Deliveries()[0].last_result(), "HTTP 200");
  auto posts = receiver_.WaitFor(1);
  ASSERT_THAT(posts, SizeIs(1));
  EXPECT_EQ(posts[0].path, "/alerts");
  auto body = nlohmann::json::parse(posts[0].body);
  EXPECT_EQ(body["kind"], "notification");
  EXPECT_EQ(body["subject"], "pipelines/p/runs/r");
  EXPECT_EQ(body["message"], "The run <1> ended");
}

TEST_F(DeliveriesPgTest, AReceiverThatIsDownIsTriedAgainUnderTheSameId) {
  ASSERT_OK(CreateChannel(OpsChannel()));
  receiver_.AnswerNext({{.status = 503}, {.status = 408}});
  ASSERT_OK(Send());
  ASSERT_TRUE(NewestWasTried(1));
  EXPECT_EQ(Deliveries()[0].last_result(), "HTTP 503");
  EXPECT_EQ(Deliveries()[0].state(), v1::DELIVERY_STATE_PENDING);
  clock_.Advance(absl::Milliseconds(1300));
  ASSERT_TRUE(NewestWasTried(2));
  clock_.Advance(absl::Milliseconds(2500));
  ASSERT_TRUE(NewestIs(v1::DELIVERY_STATE_DELIVERED));
  auto posts = receiver_.WaitFor(3);
  ASSERT_THAT(posts, SizeIs(3));
  EXPECT_EQ(posts[0].headers["x-tarn-delivery"], posts[2].headers["x-tarn-delivery"]);
  EXPECT_EQ(posts[0].body, posts[2].body);
}

TEST_F(DeliveriesPgTest, ADeliveryIsGivenUpAfterItsAttempts) {
  v1::Channel channel = OpsChannel();
  channel.mutable_retry()->set_max_attempts(2);
  ASSERT_OK(CreateChannel(channel));
  receiver_.AnswerNext({{.status = 500}, {.status = 500}});
  ASSERT_OK(Send());
  ASSERT_TRUE(NewestWasTried(1));
  clock_.Advance(absl::Seconds(2));
  ASSERT_TRUE(NewestIs(v1::DELIVERY_STATE_FAILED));
  EXPECT_TRUE(Deliveries()[0].has_end_time());
}

TEST_F(DeliveriesPgTest, ARefusalIsNotTriedAgain) {
  ASSERT_OK(CreateChannel(OpsChannel()));
  receiver_.AnswerNext({{.status = 404}});
  ASSERT_OK(Send());
  ASSERT_TRUE(NewestIs(v1::DELIVERY_STATE_FAILED));
  EXPECT_EQ(Deliveries()[0].attempt_count(), 1);
  receiver_.AnswerNext({{.status = 302, .headers = "Location: http://127.0.0.1:1/\r\n"}});
  ASSERT_OK(Send());
  ASSERT_TRUE(Eventually([&] { return Deliveries()[0].state() == v1::DELIVERY_STATE_FAILED; }));
  EXPECT_THAT(Deliveries()[0].last_result(), HasSubstr("redirects are not followed"));
}

TEST_F(DeliveriesPgTest, WhatTheReceiverAsksToWaitIsWaited) {
  ASSERT_OK(CreateChannel(OpsChannel()));
  receiver_.AnswerNext({{.status = 429, .headers = "Retry-After: 100\r\n"}});
  ASSERT_OK(Send());
  ASSERT_TRUE(NewestWasTried(1));
  EXPECT_EQ(Deliveries()[0].next_attempt_time().seconds(),
            absl::ToUnixSeconds(clock_.Now() + absl::Seconds(100)));
}

TEST_F(DeliveriesPgTest, AKillBetweenThePostAndItsRecordPostsAgainAndLosesNothing) {
  ASSERT_OK(CreateChannel(OpsChannel()));
  failpoint::ScopedFailpoint kill("alerting.delivery.after_post", "error(INTERNAL)*1");
  ASSERT_OK(Send());
  auto posts = receiver_.WaitFor(2);
  ASSERT_THAT(posts, SizeIs(2));
  EXPECT_EQ(posts[0].headers["x-tarn-delivery"], posts[1].headers["x-tarn-delivery"]);
  ASSERT_TRUE(NewestIs(v1::DELIVERY_STATE_DELIVERED));
}

TEST_F(DeliveriesPgTest, WhatIsPendingSurvivesARestart) {
  ASSERT_OK(CreateChannel(OpsChannel()));
  receiver_.AnswerNext({{.status = 503}});
  ASSERT_OK(Send());
  ASSERT_TRUE(NewestWasTried(1));
  Stop();
  clock_.Advance(absl::Seconds(5));
  Start();
  ASSERT_TRUE(NewestIs(v1::DELIVERY_STATE_DELIVERED));
}

TEST_F(DeliveriesPgTest, OfOneSubjectTheOrderIsKept) {
  ASSERT_OK(CreateChannel(OpsChannel()));
  receiver_.AnswerNext({{.status = 503}});
  ASSERT_OK_AND_ASSIGN(v1::Delivery first, Send());
  ASSERT_TRUE(NewestWasTried(1));
  ASSERT_OK(Send());
  ASSERT_OK(Send("", "another subject"));
  ASSERT_TRUE(NewestIs(v1::DELIVERY_STATE_DELIVERED));
  EXPECT_EQ(Deliveries()[1].state(), v1::DELIVERY_STATE_PENDING);
  clock_.Advance(absl::Seconds(2));
  ASSERT_TRUE(Eventually([&] { return Deliveries()[1].state() == v1::DELIVERY_STATE_DELIVERED; }));
  EXPECT_THAT(first.name(), HasSubstr(receiver_.WaitFor(4)[2].headers["x-tarn-delivery"]));
}

TEST_F(DeliveriesPgTest, AWebhookIsSignedWithTheSecretOfItsFile) {
  v1::Channel channel = OpsChannel();
  const std::string path = dir_.WriteFile("secret", "s3cret\n");
  channel.mutable_webhook()->set_secret_file(path);
  (*channel.mutable_webhook()->mutable_headers())["Authorization"] = "Bearer abc";
  ASSERT_OK_AND_ASSIGN(v1::Channel made, CreateChannel(channel));
  EXPECT_EQ(made.webhook().headers().at("Authorization"), "***");
  // Written back as it was read: nothing changes.
  v1::UpdateChannelRequest update;
  *update.mutable_channel() = made;
  ASSERT_OK_AND_ASSIGN(v1::Channel same, Call(&Stub::UpdateChannel, update));
  EXPECT_EQ(same.etag(), made.etag());
  ASSERT_OK(Send());
  auto posts = receiver_.WaitFor(1);
  ASSERT_THAT(posts, SizeIs(1));
  EXPECT_EQ(posts[0].headers["x-tarn-signature"], Signature("s3cret", posts[0].body));
  EXPECT_EQ(posts[0].headers["authorization"], "Bearer abc");
}

TEST_F(DeliveriesPgTest, SlackGetsItsTextAndItsAddressIsNotShown) {
  v1::Channel channel;
  channel.set_name("channels/ops");
  channel.mutable_slack()->set_url(receiver_.url());
  ASSERT_OK_AND_ASSIGN(v1::Channel made, CreateChannel(channel));
  EXPECT_THAT(made.slack().url(), ::testing::EndsWith("/***"));
  v1::UpdateChannelRequest update;
  *update.mutable_channel() = made;
  ASSERT_OK_AND_ASSIGN(v1::Channel same, Call(&Stub::UpdateChannel, update));
  EXPECT_EQ(same.etag(), made.etag());
  ASSERT_OK(Send());
  auto posts = receiver_.WaitFor(1);
  ASSERT_THAT(posts, SizeIs(1));
  EXPECT_EQ(posts[0].path, "/alerts");
  EXPECT_EQ(posts[0].body, R"({"text":"The run &lt;1&gt; ended"})");
}

TEST_F(DeliveriesPgTest, ASlackAddressFromAFileIsReadWhenItIsNeeded) {
  v1::Channel channel;
  channel.set_name("channels/ops");
  channel.mutable_slack()->set_url_file((dir_ / "url").string());
  ASSERT_OK(CreateChannel(channel));
  ASSERT_OK(Send());
  ASSERT_TRUE(NewestWasTried(1));
  EXPECT_THAT(Deliveries()[0].last_result(), HasSubstr("does not exist"));
  // Written aside: it is looked for all the time.
  const std::filesystem::path written = dir_.WriteFile("url.new", receiver_.url() + "\n");
  std::filesystem::permissions(written, std::filesystem::perms(0644));
  std::filesystem::rename(written, dir_ / "url");
  clock_.Advance(absl::Seconds(2));
  ASSERT_TRUE(NewestWasTried(2));
  EXPECT_THAT(Deliveries()[0].last_result(), HasSubstr("chmod 600"));
  std::filesystem::permissions(dir_ / "url", std::filesystem::perms(0600));
  clock_.Advance(absl::Minutes(1));
  ASSERT_TRUE(NewestIs(v1::DELIVERY_STATE_DELIVERED));
}

TEST_F(DeliveriesPgTest, DeletingAChannelGivesUpWhatItHadToDeliver) {
  ASSERT_OK(CreateChannel(OpsChannel()));
  receiver_.AnswerNext({{.status = 503}});
  ASSERT_OK(Send());
  ASSERT_TRUE(NewestWasTried(1));
  v1::DeleteChannelRequest request;
  request.set_name("channels/ops");
  ASSERT_OK(Call(&Stub::DeleteChannel, request));
  EXPECT_EQ(Deliveries()[0].state(), v1::DELIVERY_STATE_FAILED);
  EXPECT_THAT(Send(), StatusIs(absl::StatusCode::kNotFound, "CHANNEL_NOT_FOUND"));
}

TEST_F(DeliveriesPgTest, OnlyAllowedHostsArePostedTo) {
  Stop();
  options_.allowed_hosts = {"hooks.example.com"};
  Start();
  EXPECT_THAT(CreateChannel(OpsChannel()),
              StatusIs(absl::StatusCode::kInvalidArgument, "INVALID_FIELD",
                       HasSubstr("alerting.allowed_hosts")));
}

TEST_F(DeliveriesPgTest, AChannelThatIsNoLongerAllowedDeliversNothing) {
  ASSERT_OK(CreateChannel(OpsChannel()));
  Stop();
  options_.allowed_hosts = {};  // this machine is not on the internet
  Start();
  ASSERT_OK(Send());
  ASSERT_TRUE(NewestIs(v1::DELIVERY_STATE_FAILED));
  EXPECT_THAT(Deliveries()[0].last_result(), HasSubstr("alerting.allowed_hosts"));
  EXPECT_EQ(Deliveries()[0].attempt_count(), 1);
  EXPECT_THAT(receiver_.WaitFor(0), SizeIs(0));
}

TEST_F(DeliveriesPgTest, WithoutAFolderNoFileIsRead) {
  v1::Channel channel = OpsChannel();
  channel.mutable_webhook()->set_secret_file(dir_.WriteFile("secret", "s3cret\n"));
  ASSERT_OK(CreateChannel(channel));
  Stop();
  options_.secret_folder = "";
  Start();
  ASSERT_OK(Send());
  ASSERT_TRUE(NewestIs(v1::DELIVERY_STATE_FAILED));
  EXPECT_THAT(Deliveries()[0].last_result(), HasSubstr("alerting.secret_folder"));
  channel.set_name("channels/other");
  EXPECT_THAT(CreateChannel(channel), StatusIs(absl::StatusCode::kInvalidArgument, "INVALID_FIELD",
                                               HasSubstr("alerting.secret_folder")));
}

TEST_F(DeliveriesPgTest, OthersSeeOnlyTheHostOfAWebhookAndMayChangeTheRest) {
  ASSERT_OK_AND_ASSIGN(v1::Channel made, CreateChannel(OpsChannel()));
  EXPECT_EQ(made.webhook().url(), receiver_.url());
  const std::string grace = authority_.TokenFor(auth::TestCaller("grace"));
  v1::GetChannelRequest get;
  get.set_name("channels/ops");
  ASSERT_OK_AND_ASSIGN(v1::Channel shown, Call(&Stub::GetChannel, get, grace));
  EXPECT_THAT(shown.webhook().url(), ::testing::EndsWith("/***"));
  EXPECT_THAT(shown.webhook().url(), ::testing::Not(HasSubstr("alerts")));
  ASSERT_OK_AND_ASSIGN(auto listed, Call(&Stub::ListChannels, v1::ListChannelsRequest(), grace));
  EXPECT_EQ(listed.channels(0).webhook().url(), shown.webhook().url());
  v1::UpdateChannelRequest update;
  *update.mutable_channel() = shown;
  update.mutable_channel()->set_description("told by grace");
  ASSERT_OK(Call(&Stub::UpdateChannel, update, grace));
  ASSERT_OK(Send());
  EXPECT_THAT(receiver_.WaitFor(1), SizeIs(1));
}

TEST_F(DeliveriesPgTest, WorkGoesOnAfterPostgresqlBrokeOff) {
  ASSERT_OK(CreateChannel(OpsChannel()));
  db_.BreakConnections();
  ASSERT_TRUE(Eventually([&] { return Send().ok(); }));
  ASSERT_TRUE(NewestIs(v1::DELIVERY_STATE_DELIVERED));
}

}  // namespace
}  // namespace tarn::alerting

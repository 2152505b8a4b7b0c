#include "services/alerting/channel/channel_validation.h"

#include "tarn/alerting/v1/channel.pb.h"

#include "common/testing/status_matchers.h"

namespace tarn::alerting {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> BadFields(const v1::Channel& channel,
                                   const std::vector<std::string>& hosts = {}) {
  std::vector<std::string> fields;
  for (const FieldViolation& violation : FieldViolationsOf(ValidateChannel(channel, hosts))) {
    fields.push_back(violation.field);
  }
  return fields;
}

v1::Channel Webhook(const std::string& url) {
  v1::Channel channel;
  channel.mutable_webhook()->set_url(url);
  return channel;
}

TEST(ChannelValidationTest, HeadersThatNameASecretAreMasked) {
  for (const char* name : {"Authorization", "X-Api-Key", "X-Pass", "X-Api-Credential", "Session-Id",
                           "X-Hub-Signature"}) {
    v1::Channel channel = Webhook("https://example.com/hook");
    (*channel.mutable_webhook()->mutable_headers())[name] = "topsecret";
    MaskSecrets(&channel);
    EXPECT_EQ(channel.webhook().headers().at(name), "***") << name;
  }
}

TEST(ChannelValidationTest, AddressesAreHttp) {
  EXPECT_THAT(BadFields(Webhook("https://example.com:8443/hook?x=1")), ElementsAre());
  for (const char* url : {"", "ftp://example.com", "file:///etc/passwd", "example.com/hook",
                          "http://user:secret@example.com/", "http://exa mple.com/"}) {
    EXPECT_THAT(BadFields(Webhook(url)), ElementsAre("channel.webhook.url")) << url;
  }
}

TEST(ChannelValidationTest, HostsCanBeLimited) {
  EXPECT_THAT(BadFields(Webhook("http://a.example.com/"), {".example.com"}), ElementsAre());
  EXPECT_THAT(BadFields(Webhook("http://EXAMPLE.com/"), {"example.com"}), ElementsAre());
  EXPECT_THAT(BadFields(Webhook("http://badexample.com/"), {".example.com"}),
              ElementsAre("channel.webhook.url"));
}

TEST(ChannelValidationTest, AChannelHasOneTarget) {
  EXPECT_THAT(BadFields(v1::Channel()), ElementsAre("channel"));
  v1::Channel slack;
  slack.mutable_slack();
  EXPECT_THAT(BadFields(slack), ElementsAre("channel.slack"));
  slack.mutable_slack()->set_url_file("/run/secrets/slack");
  EXPECT_THAT(BadFields(slack), ElementsAre());
  slack.mutable_slack()->set_url_file("slack");
  EXPECT_THAT(BadFields(slack), ElementsAre("channel.slack.url_file"));
}

TEST(ChannelValidationTest, HeadersCannotBreakOutOrOverrideOurs) {
  v1::Channel channel = Webhook("http://a/");
  (*channel.mutable_webhook()->mutable_headers())["X-Team"] = "a\r\nEvil: 1";
  EXPECT_THAT(BadFields(channel), ElementsAre("channel.webhook.headers[X-Team]"));
  channel.mutable_webhook()->clear_headers();
  (*channel.mutable_webhook()->mutable_headers())["X-Tarn-Signature"] = "x";
  EXPECT_THAT(BadFields(channel), ElementsAre("channel.webhook.headers[X-Tarn-Signature]"));
}

TEST(ChannelValidationTest, RetriesAreInRange) {
  v1::Channel channel = Webhook("http://a/");
  channel.mutable_retry()->set_max_attempts(21);
  channel.mutable_retry()->set_multiplier(0.5);
  EXPECT_THAT(BadFields(channel),
              ElementsAre("channel.retry.max_attempts", "channel.retry.multiplier"));
}

TEST(ChannelSecretsTest, AreMaskedAndComeBack) {
  v1::Channel stored;
  stored.mutable_slack()->set_url("https://hooks.example.com/T0/secret");
  v1::Channel shown = stored;
  MaskSecrets(&shown);
  EXPECT_EQ(shown.slack().url(), "https://hooks.example.com/***");
  EXPECT_THAT(BadFields(shown), ElementsAre("channel.slack.url"));
  RestoreSecrets(stored, &shown);
  EXPECT_EQ(shown.slack().url(), stored.slack().url());
}

TEST(ChannelSecretsTest, AreNotSentToAnotherAddress) {
  v1::Channel stored = Webhook("http://a/");
  (*stored.mutable_webhook()->mutable_headers())["X-Api-Key"] = "secret";
  v1::Channel wanted = stored;
  MaskSecrets(&wanted);
  EXPECT_EQ(wanted.webhook().headers().at("X-Api-Key"), "***");
  wanted.mutable_webhook()->set_url("http://evil/");
  RestoreSecrets(stored, &wanted);
  EXPECT_THAT(BadFields(wanted), ElementsAre("channel.webhook.headers[X-Api-Key]"));
}

}  // namespace
}  // namespace tarn::alerting

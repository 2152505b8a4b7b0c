#include "services/alerting/channel/channel_validation.h"

#include "tarn/alerting/v1/channel.pb.h"

#include "common/auth/caller.h"
#include "common/testing/status_matchers.h"

namespace tarn::alerting {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> BadFields(const v1::Channel& channel,
                                   const std::vector<std::string>& hosts = {},
                                   bool secret_files = true) {
  std::vector<std::string> fields;
  const ChannelLimits limits{*ReceiverPolicy::Parse(hosts), secret_files};
  for (const FieldViolation& violation : FieldViolationsOf(ValidateChannel(channel, limits))) {
    fields.push_back(violation.field);
  }
  return fields;
}

const auth::Caller kOwner{.workspace = "default", .user = "ada", .roles = {"editor"}};

v1::Channel Webhook(const std::string& url) {
  v1::Channel channel;
  channel.set_owner("ada");
  channel.mutable_webhook()->set_url(url);
  return channel;
}

TEST(ChannelValidationTest, HeadersThatNameASecretAreMasked) {
  for (const char* name : {"Authorization", "X-Api-Key", "X-Pass", "X-Api-Credential", "Session-Id",
                           "X-Hub-Signature"}) {
    v1::Channel channel = Webhook("https://example.com/hook");
    (*channel.mutable_webhook()->mutable_headers())[name] = "topsecret";
    MaskSecrets(kOwner, &channel);
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

TEST(ChannelValidationTest, FilesOfSecretsNeedAFolderThatTheOperatorNamed) {
  v1::Channel channel = Webhook("https://example.com/hook");
  channel.mutable_webhook()->set_secret_file("/run/secrets/hook");
  EXPECT_THAT(BadFields(channel), ElementsAre());
  EXPECT_THAT(BadFields(channel, {}, /*secret_files=*/false),
              ElementsAre("channel.webhook.secret_file"));
  channel.mutable_slack()->set_url_file("/etc/passwd");
  EXPECT_THAT(BadFields(channel, {}, /*secret_files=*/false),
              ElementsAre("channel.slack.url_file"));
}

TEST(ChannelValidationTest, AddressesOfThisServerAndPrivateNetworksAreRefused) {
  for (const char* url :
       {"http://127.0.0.1:5432/", "http://localhost/", "http://a.localhost/",
        "http://169.254.169.254/latest/meta-data", "http://[::1]/", "http://10.0.0.7/"}) {
    EXPECT_THAT(BadFields(Webhook(url)), ElementsAre("channel.webhook.url")) << url;
  }
  EXPECT_THAT(BadFields(Webhook("http://127.0.0.1:5432/"), {"127.0.0.0/8"}), ElementsAre());
  EXPECT_THAT(BadFields(Webhook("http://localhost/"), {"localhost"}), ElementsAre());
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
  MaskSecrets(kOwner, &shown);
  EXPECT_EQ(shown.slack().url(), "https://hooks.example.com/***");
  EXPECT_THAT(BadFields(shown), ElementsAre("channel.slack.url"));
  RestoreSecrets(stored, &shown);
  EXPECT_EQ(shown.slack().url(), stored.slack().url());
}

TEST(ChannelSecretsTest, AWebhooksAddressIsWholeForItsOwnerAndAdministratorsAlone) {
  const v1::Channel stored = Webhook("https://example.com:8443/hook/T0?token=s3cret");
  for (const auth::Caller& caller : {kOwner, auth::Caller{.user = "grace", .roles = {"admin"}}}) {
    v1::Channel shown = stored;
    MaskSecrets(caller, &shown);
    EXPECT_EQ(shown.webhook().url(), stored.webhook().url()) << caller.user;
  }
  for (const char* role : {"viewer", "editor", "service"}) {
    v1::Channel shown = stored;
    MaskSecrets(auth::Caller{.user = "grace", .roles = {role}}, &shown);
    EXPECT_EQ(shown.webhook().url(), "https://example.com:8443/***") << role;
    // It cannot be kept as it is shown, and comes back when it is written so.
    EXPECT_THAT(BadFields(shown), ElementsAre("channel.webhook.url"));
    RestoreSecrets(stored, &shown);
    EXPECT_EQ(shown.webhook().url(), stored.webhook().url());
  }
}

TEST(ChannelSecretsTest, AreNotSentToAnotherAddress) {
  v1::Channel stored = Webhook("http://a/");
  (*stored.mutable_webhook()->mutable_headers())["X-Api-Key"] = "secret";
  v1::Channel wanted = stored;
  MaskSecrets(kOwner, &wanted);
  EXPECT_EQ(wanted.webhook().headers().at("X-Api-Key"), "***");
  wanted.mutable_webhook()->set_url("http://evil/");
  RestoreSecrets(stored, &wanted);
  EXPECT_THAT(BadFields(wanted), ElementsAre("channel.webhook.headers[X-Api-Key]"));
}

}  // namespace
}  // namespace tarn::alerting

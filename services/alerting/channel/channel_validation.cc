#include "services/alerting/channel/channel_validation.h"

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

#include "tarn/alerting/v1/channel.pb.h"

#include "common/auth/caller.h"
#include "common/names/names.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/alerting/delivery/http_url.h"
#include "services/alerting/delivery/retry_schedule.h"

namespace tarn::alerting {
namespace {

using Violations = std::vector<FieldViolation>;

constexpr char kMask[] = "***";
constexpr char kIsMask[] = "is what is shown in place of a secret; give the secret itself";
constexpr int kMaxHeaders = 50;

std::string MessageOf(const absl::Status& status) {
  return std::string(status.message().data(), status.message().size());
}

void CheckUrl(const std::string& url, const std::string& field, const ChannelLimits& limits,
              Violations* violations) {
  const absl::StatusOr<HttpUrl> parsed = ParseHttpUrl(url);
  const absl::Status status =
      parsed.ok() ? limits.receivers.CheckHost(parsed->host) : parsed.status();
  if (!status.ok()) violations->push_back({field, MessageOf(status)});
}

void CheckFile(const std::string& path, const std::string& field, const ChannelLimits& limits,
               Violations* violations) {
  if (path.empty()) return;
  if (!limits.secret_files) {
    violations->push_back(
        {field,
         "reads a file of the server, for which an operator must set alerting.secret_folder"});
  } else if (path[0] != '/') {
    violations->push_back({field, "must be an absolute path on the server"});
  }
}

bool IsHeaderName(const std::string& name) {
  if (name.empty() || name.size() > 100) return false;
  for (char c : name) {
    if (!absl::ascii_isalnum(static_cast<unsigned char>(c)) && c != '-' && c != '_') return false;
  }
  return true;
}

// Those that the sender sets, or on which the meaning of the request depends.
bool IsReservedHeader(const std::string& name) {
  for (absl::string_view reserved : {"content-type", "content-length", "host", "transfer-encoding",
                                     "connection", "expect", "user-agent"}) {
    if (absl::EqualsIgnoreCase(name, reserved)) return true;
  }
  return absl::StartsWithIgnoreCase(name, "x-tarn-");
}

void CheckHeaders(const v1::WebhookChannel& webhook, Violations* violations) {
  if (webhook.headers_size() > kMaxHeaders) {
    violations->push_back({"channel.webhook.headers", absl::StrCat("at most ", kMaxHeaders)});
  }
  for (const auto& [name, value] : webhook.headers()) {
    const std::string field = absl::StrCat("channel.webhook.headers[", name, "]");
    if (!IsHeaderName(name)) violations->push_back({field, "is not a header's name"});
    if (IsReservedHeader(name)) violations->push_back({field, "is set by Tarn itself"});
    if (value.size() > 4096 || value.find_first_of(std::string("\r\n\0", 3)) != std::string::npos) {
      violations->push_back({field, "has a value that is too long or has line breaks"});
    }
    if (value == kMask) violations->push_back({field, kIsMask});
  }
}

bool IsSecretHeader(const std::string& name) {
  const std::string lower = absl::AsciiStrToLower(name);
  for (absl::string_view word :
       {"auth", "token", "key", "secret", "cookie", "pass", "credential", "session", "sign"}) {
    if (absl::StrContains(lower, word)) return true;
  }
  return false;
}

std::string MaskedUrl(const std::string& url) {
  absl::StatusOr<HttpUrl> parsed = ParseHttpUrl(url);
  return parsed.ok() ? parsed->origin + "/" + kMask : kMask;
}

}  // namespace

absl::Status ValidateChannel(const v1::Channel& channel, const ChannelLimits& limits) {
  Violations violations;
  if (channel.description().size() > 16 * 1024) {
    violations.push_back({"channel.description", "is longer than 16 KiB"});
  }
  switch (channel.target_case()) {
    case v1::Channel::kWebhook:
      if (absl::EndsWith(channel.webhook().url(), kMask)) {
        violations.push_back({"channel.webhook.url", kIsMask});
      } else {
        CheckUrl(channel.webhook().url(), "channel.webhook.url", limits, &violations);
      }
      CheckFile(channel.webhook().secret_file(), "channel.webhook.secret_file", limits,
                &violations);
      CheckHeaders(channel.webhook(), &violations);
      break;
    case v1::Channel::kSlack:
      if (channel.slack().url().empty() == channel.slack().url_file().empty()) {
        violations.push_back({"channel.slack", "needs one of url and url_file"});
      } else if (absl::EndsWith(channel.slack().url(), kMask)) {
        violations.push_back({"channel.slack.url", kIsMask});
      } else if (!channel.slack().url().empty()) {
        CheckUrl(channel.slack().url(), "channel.slack.url", limits, &violations);
      }
      CheckFile(channel.slack().url_file(), "channel.slack.url_file", limits, &violations);
      break;
    case v1::Channel::TARGET_NOT_SET:
      violations.push_back({"channel", "needs a target: webhook or slack"});
      break;
  }
  CheckRetryPolicy(channel.retry(), "channel.retry", &violations);
  if (violations.empty()) return absl::OkStatus();
  return InvalidFields(std::move(violations));
}

absl::StatusOr<std::string> ChannelIdOf(const std::string& name) {
  TARN_ASSIGN_OR_RETURN(std::vector<std::string> ids, names::Parse("channels/{channel}", name));
  return ids[0];
}

void MaskSecrets(const auth::Caller& viewer, v1::Channel* channel) {
  if (channel->has_slack() && !channel->slack().url().empty()) {
    channel->mutable_slack()->set_url(MaskedUrl(channel->slack().url()));
  }
  if (channel->has_webhook()) {
    if (!viewer.IsAdmin() && viewer.user != channel->owner()) {
      channel->mutable_webhook()->set_url(MaskedUrl(channel->webhook().url()));
    }
    for (auto& [name, value] : *channel->mutable_webhook()->mutable_headers()) {
      if (IsSecretHeader(name)) value = kMask;
    }
  }
}

void RestoreSecrets(const v1::Channel& stored, v1::Channel* channel) {
  if (channel->has_slack() && stored.has_slack() && !stored.slack().url().empty() &&
      channel->slack().url() == MaskedUrl(stored.slack().url())) {
    channel->mutable_slack()->set_url(stored.slack().url());
  }
  if (channel->has_webhook() && stored.has_webhook() &&
      channel->webhook().url() == MaskedUrl(stored.webhook().url())) {
    channel->mutable_webhook()->set_url(stored.webhook().url());
  }
  // Only for the address that they were meant for.
  if (channel->has_webhook() && stored.has_webhook() &&
      channel->webhook().url() == stored.webhook().url()) {
    for (auto& [name, value] : *channel->mutable_webhook()->mutable_headers()) {
      auto there = stored.webhook().headers().find(name);
      if (value == kMask && there != stored.webhook().headers().end()) value = there->second;
    }
  }
}

}  // namespace tarn::alerting

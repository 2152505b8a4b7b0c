#include "services/alerting/delivery/deliverer.h"

#include <filesystem>
#include <random>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

#include "common/clock/clock.h"
#include "common/failpoint/failpoint.h"
#include "common/postgres/postgres_pool.h"
#include "common/secret_file/secret_file.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/alerting/alerting_metrics.h"
#include "services/alerting/channel/channel_store.h"
#include "services/alerting/delivery/notification_body.h"
#include "services/alerting/delivery/retry_schedule.h"

namespace tarn::alerting {
namespace {

double Jitter() {
  thread_local std::mt19937 random{std::random_device{}()};
  return std::uniform_real_distribution<double>(0, 1)(random);
}

// Worth another try: the receiver is overloaded, restarting, or too slow.
bool IsPassing(int status) { return status >= 500 || status == 408 || status == 429; }

std::string Describe(int status) {
  if (status >= 300 && status < 400) {
    return absl::StrCat("HTTP ", status, ": redirects are not followed; give the final address");
  }
  return absl::StrCat("HTTP ", status);
}

}  // namespace

absl::StatusOr<bool> Deliverer::DeliverNext() {
  TARN_ASSIGN_OR_RETURN(std::optional<ClaimedDelivery> claimed, pool_.Run([&](Transaction& txn) {
    return ClaimDelivery(txn, options_.holder, options_.lease_time, clock_.Now());
  }));
  if (!claimed.has_value()) return false;
  const ClaimedDelivery& delivery = *claimed;
  absl::StatusOr<v1::Channel> channel = pool_.RunAutocommit(
      [&](Transaction& txn) { return FindChannel(txn, delivery.workspace, delivery.channel_id); });
  if (!channel.ok() && channel.status().code() != absl::StatusCode::kNotFound) {
    return channel.status();
  }

  TARN_FAILPOINT("alerting.delivery.before_post");
  Attempt attempt{.result = "the channel was deleted"};
  if (channel.ok()) attempt = Try(delivery, *channel);
  TARN_RETURN_IF_FAILPOINT("alerting.delivery.after_post");

  if (!attempt.delivered && sender_.cancelled()) {
    // The process stops; that is no fault of the receiver, and no attempt.
    TARN_RETURN_IF_ERROR(
        pool_.Run([&](Transaction& txn) { return GiveBackDelivery(txn, delivery.lease); }));
    return false;
  }
  AttemptOutcome outcome{.result = attempt.result, .time = clock_.Now()};
  if (attempt.delivered) {
    outcome.state = v1::DELIVERY_STATE_DELIVERED;
  } else {
    const RetrySchedule schedule =
        channel.ok() ? RetrySchedule::Of(channel->retry()) : RetrySchedule();
    const int attempts = delivery.attempt_count + 1;
    if (attempt.try_again && attempts < schedule.max_attempts) {
      outcome.next_attempt =
          outcome.time + schedule.WaitAfter(attempts, Jitter(), attempt.retry_after);
    } else {
      outcome.state = v1::DELIVERY_STATE_FAILED;
    }
  }
  absl::Status recorded =
      pool_.Run([&](Transaction& txn) { return RecordAttempt(txn, delivery.lease, outcome); });
  // Another took over: its record counts.
  if (ErrorReason(recorded) == "LEASE_LOST") return true;
  TARN_RETURN_IF_ERROR(recorded);
  Count(delivery, outcome);
  return true;
}

Deliverer::Attempt Deliverer::Try(const ClaimedDelivery& delivery,
                                  const v1::Channel& channel) const {
  absl::StatusOr<HttpPost> post = PostOf(delivery, channel);
  if (!post.ok()) {
    // A file may be put right while it is tried again; one that may not be read stays so.
    const std::string reason = ErrorReason(post.status());
    return {.try_again = reason == "SECRET_FILE_UNREADABLE" || reason == "SECRET_FILE_EXPOSED" ||
                         reason == "SECRET_FILE_MISSING",
            .result = std::string(post.status().message())};
  }
  absl::StatusOr<HttpAnswer> answer = sender_.Post(*post);
  if (!answer.ok()) {
    // An address that is no address, or is not allowed, stays so.
    return {.try_again = absl::IsUnavailable(answer.status()),
            .result = std::string(answer.status().message())};
  }
  return {.delivered = answer->status >= 200 && answer->status < 300,
          .try_again = IsPassing(answer->status),
          .result = Describe(answer->status),
          .retry_after = answer->retry_after};
}

absl::StatusOr<HttpPost> Deliverer::PostOf(const ClaimedDelivery& delivery,
                                           const v1::Channel& channel) const {
  HttpPost post;
  post.headers = {{"Content-Type", "application/json"}, {"X-Tarn-Delivery", delivery.id}};
  if (channel.has_slack()) {
    post.url = channel.slack().url();
    if (post.url.empty()) {
      TARN_ASSIGN_OR_RETURN(post.url, ReadSecret(channel.slack().url_file()));
    }
    post.body = SlackBody(delivery.message);
  } else {
    const v1::WebhookChannel& webhook = channel.webhook();
    post.url = webhook.url();
    post.body = WebhookBody(delivery.payload, delivery.id, delivery.create_time, delivery.message);
    for (const auto& [name, value] : webhook.headers()) post.headers.emplace_back(name, value);
    if (!webhook.secret_file().empty()) {
      TARN_ASSIGN_OR_RETURN(std::string secret, ReadSecret(webhook.secret_file()));
      post.headers.emplace_back("X-Tarn-Signature", Signature(secret, post.body));
    }
  }
  return post;
}

absl::StatusOr<std::string> Deliverer::ReadSecret(const std::string& path) const {
  if (options_.secret_folder.empty()) {
    return FailedPrecondition("SECRET_FILE_NOT_ALLOWED",
                              "the channel reads a secret from a file, for which an operator must "
                              "set alerting.secret_folder");
  }
  std::error_code error;
  const std::filesystem::path real = std::filesystem::canonical(path, error);
  const absl::Status unreadable =
      FailedPrecondition("SECRET_FILE_UNREADABLE",
                         absl::StrCat(path,
                                      " does not exist or is empty; check that the "
                                      "file holds the secret and that the server may read it"));
  if (error) return unreadable;
  const std::string folder =
      std::filesystem::weakly_canonical(options_.secret_folder, error).string() + "/";
  if (error || !absl::StartsWith(real.string(), folder)) {
    return FailedPrecondition("SECRET_FILE_NOT_ALLOWED",
                              absl::StrCat(path, " lies outside alerting.secret_folder"));
  }
  absl::StatusOr<std::string> secret = ReadSecretFile(real.string());
  if (secret.ok() && secret->empty()) return unreadable;
  return secret;
}

void Deliverer::Count(const ClaimedDelivery& delivery, const AttemptOutcome& outcome) {
  switch (outcome.state) {
    case v1::DELIVERY_STATE_DELIVERED:
      metrics_.attempts.With({"delivered"}).Increment();
      metrics_.delivery_seconds.Observe(absl::ToDoubleSeconds(outcome.time - delivery.create_time));
      break;
    case v1::DELIVERY_STATE_FAILED:
      metrics_.attempts.With({"failed"}).Increment();
      break;
    default:
      metrics_.attempts.With({"retried"}).Increment();
  }
}

}  // namespace tarn::alerting

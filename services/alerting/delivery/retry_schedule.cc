#include "services/alerting/delivery/retry_schedule.h"

#include <algorithm>
#include <string>

#include "tarn/common/v1/retry.pb.h"

#include "services/alerting/stored_spec.h"

namespace tarn::alerting {
namespace {

// A receiver cannot put a delivery off for longer.
constexpr absl::Duration kLongestRetryAfter = absl::Hours(1);

}  // namespace

RetrySchedule RetrySchedule::Of(const common::v1::RetryPolicy& policy) {
  RetrySchedule schedule;
  if (policy.max_attempts() > 0) schedule.max_attempts = policy.max_attempts();
  if (policy.has_initial_backoff()) schedule.initial_backoff = DurationOf(policy.initial_backoff());
  if (policy.has_max_backoff()) schedule.max_backoff = DurationOf(policy.max_backoff());
  if (policy.multiplier() > 0) schedule.multiplier = policy.multiplier();
  return schedule;
}

absl::Duration RetrySchedule::WaitAfter(int attempts, double jitter,
                                        std::optional<absl::Duration> retry_after) const {
  absl::Duration wait = initial_backoff;
  for (int i = 1; i < attempts && wait < max_backoff; ++i) wait *= multiplier;
  wait = std::min(wait, max_backoff) * (1 + 0.2 * jitter);
  if (retry_after.has_value()) wait = std::max(wait, std::min(*retry_after, kLongestRetryAfter));
  return wait;
}

void CheckRetryPolicy(const common::v1::RetryPolicy& policy, std::string_view field,
                      std::vector<FieldViolation>* violations) {
  auto refuse = [&](std::string_view name, std::string_view description) {
    violations->push_back({std::string(field) + "." + std::string(name), std::string(description)});
  };
  if (policy.max_attempts() < 0 || policy.max_attempts() > 20) {
    refuse("max_attempts", "must be 1 to 20");
  }
  if (policy.has_initial_backoff()) {
    absl::Duration wait = DurationOf(policy.initial_backoff());
    if (wait < absl::Milliseconds(100) || wait > absl::Hours(1)) {
      refuse("initial_backoff", "must be 0.1s to 3600s");
    }
  }
  if (policy.has_max_backoff()) {
    absl::Duration wait = DurationOf(policy.max_backoff());
    if (wait < absl::Milliseconds(100) || wait > absl::Hours(6)) {
      refuse("max_backoff", "must be 0.1s to 21600s");
    }
  }
  const double multiplier = policy.multiplier();
  if (multiplier != 0 && !(multiplier >= 1 && multiplier <= 10)) {
    refuse("multiplier", "must be 1 to 10");
  }
}

}  // namespace tarn::alerting

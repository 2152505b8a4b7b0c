// When a delivery that failed is tried again. Pure.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include <absl/time/time.h>

#include "common/status/error.h"

namespace tarn::common::v1 {
class RetryPolicy;
}

namespace tarn::alerting {

// A RetryPolicy with a channel's defaults filled in.
struct RetrySchedule {
  int max_attempts = 5;
  absl::Duration initial_backoff = absl::Seconds(1);
  absl::Duration max_backoff = absl::Minutes(5);
  double multiplier = 2;

  static RetrySchedule Of(const common::v1::RetryPolicy& policy);

  // The wait after `attempts` attempts, jittered by `jitter` (0 to 1: up to 20 % more); at least
  // what the receiver asked for, an hour at most.
  absl::Duration WaitAfter(int attempts, double jitter,
                           std::optional<absl::Duration> retry_after = std::nullopt) const;
};

// Adds what is out of range in `policy`, whose path in the request is `field`.
void CheckRetryPolicy(const common::v1::RetryPolicy& policy, std::string_view field,
                      std::vector<FieldViolation>* violations);

}  // namespace tarn::alerting

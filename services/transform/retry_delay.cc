#include "services/transform/retry_delay.h"

#include <algorithm>
#include <cmath>

#include "tarn/common/v1/retry.pb.h"

#include "services/transform/proto_time.h"

namespace tarn::transform {

int MaxAttempts(const common::v1::RetryPolicy& policy) {
  return std::max(1, policy.max_attempts());
}

absl::Duration RetryDelay(const common::v1::RetryPolicy& policy, int attempt, double jitter) {
  const absl::Duration initial =
      policy.has_initial_backoff() ? ToDuration(policy.initial_backoff()) : absl::Seconds(1);
  const absl::Duration longest =
      policy.has_max_backoff() ? ToDuration(policy.max_backoff()) : absl::Minutes(5);
  const double multiplier = policy.multiplier() == 0 ? 2 : policy.multiplier();
  const absl::Duration delay = std::min(longest, initial * std::pow(multiplier, attempt - 1));
  return delay * (1 + 0.2 * jitter);
}

}  // namespace tarn::transform

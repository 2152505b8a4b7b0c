// The wait before a step is tried again. Pure; any thread.
#pragma once

#include <absl/time/time.h>

namespace tarn::common::v1 {
class RetryPolicy;
}

namespace tarn::transform {

// Attempts in all, at least 1.
int MaxAttempts(const common::v1::RetryPolicy& policy);

// After attempt `attempt` (from 1) has failed. `jitter` is in [0, 1): up to 20 % is added.
absl::Duration RetryDelay(const common::v1::RetryPolicy& policy, int attempt, double jitter);

}  // namespace tarn::transform

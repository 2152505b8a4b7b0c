#include "services/dashboard/identity/attempt_limiter.h"

#include <algorithm>

#include "common/clock/clock.h"

namespace tarn::dashboard {

AttemptLimiter::AttemptLimiter(const Clock& clock, double burst, double per_second)
    : clock_(clock),
      burst_(burst),
      per_second_(per_second),
      tokens_(burst),
      refilled_(clock.Now()) {}

bool AttemptLimiter::AllowFailure() {
  std::lock_guard lock(mutex_);
  absl::Time now = clock_.Now();
  double seconds = std::max(0.0, absl::ToDoubleSeconds(now - refilled_));
  tokens_ = std::min(burst_, tokens_ + seconds * per_second_);
  refilled_ = now;
  if (tokens_ < 1) return false;
  tokens_ -= 1;
  return true;
}

}  // namespace tarn::dashboard

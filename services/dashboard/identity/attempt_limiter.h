// Bounds how fast wrong credentials are answered: a token bucket of one process. A right one is
// never held up by it, so that nobody can lock others out.
#pragma once

#include <mutex>

#include <absl/time/time.h>

namespace tarn {
class Clock;
}

namespace tarn::dashboard {

// Thread safe. `clock` must outlive it.
class AttemptLimiter {
 public:
  // `burst` failures at once, and `per_second` of them for ever.
  AttemptLimiter(const Clock& clock, double burst = 20, double per_second = 2);

  // Counts a failure; false when there were too many lately.
  bool AllowFailure();

 private:
  const Clock& clock_;
  const double burst_;
  const double per_second_;
  std::mutex mutex_;
  double tokens_;
  absl::Time refilled_;
};

}  // namespace tarn::dashboard

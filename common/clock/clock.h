// The time of day as a dependency, so that a test can hold it still.
//
// Everything that compares, stores or waits for a time takes a `Clock&` that outlives it. Leases do
// not: they go by PostgreSQL's clock (common/lease). Implementations are safe to use from any
// thread.
#pragma once

#include <absl/time/time.h>

namespace tarn {

class Clock {
 public:
  virtual ~Clock() = default;

  // The current time (UTC, as every absl::Time).
  virtual absl::Time Now() const = 0;

  // Blocks the calling thread for `duration`; returns at once when it is not positive. Cannot be
  // interrupted: a loop that must stop promptly waits on its own condition instead.
  virtual void SleepFor(absl::Duration duration) = 0;
};

// The system's real time. Lives as long as the process.
Clock& SystemClock();

}  // namespace tarn

// A clock that moves only when a test says so. Safe to use from any thread.
#pragma once

#include <absl/base/thread_annotations.h>
#include <absl/synchronization/mutex.h>

#include "common/clock/clock.h"

namespace tarn {

class FakeClock final : public Clock {
 public:
  // 2024-01-01T00:00:00Z unless told otherwise.
  static absl::Time DefaultStart();

  explicit FakeClock(absl::Time start = DefaultStart()) : now_(start) {}

  absl::Time Now() const override;

  // Never blocks: moves the clock on by `duration`, so that code that retries with back-off runs
  // through at once and a test can read off how long it would have waited.
  void SleepFor(absl::Duration duration) override;

  void Advance(absl::Duration duration);
  // Moves to `time`, also backwards.
  void SetTime(absl::Time time);

 private:
  mutable absl::Mutex mutex_;
  absl::Time now_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace tarn

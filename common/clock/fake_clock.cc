#include "common/clock/fake_clock.h"

namespace tarn {

absl::Time FakeClock::DefaultStart() { return absl::FromUnixSeconds(1704067200); }

absl::Time FakeClock::Now() const {
  absl::MutexLock lock(&mutex_);
  return now_;
}

void FakeClock::SleepFor(absl::Duration duration) {
  if (duration > absl::ZeroDuration()) Advance(duration);
}

void FakeClock::Advance(absl::Duration duration) {
  absl::MutexLock lock(&mutex_);
  now_ += duration;
}

void FakeClock::SetTime(absl::Time time) {
  absl::MutexLock lock(&mutex_);
  now_ = time;
}

}  // namespace tarn

#include "common/clock/clock.h"

#include <absl/time/clock.h>

namespace tarn {
namespace {

class RealClock final : public Clock {
 public:
  absl::Time Now() const override { return absl::Now(); }
  void SleepFor(absl::Duration duration) override { absl::SleepFor(duration); }
};

}  // namespace

Clock& SystemClock() {
  static RealClock* const clock = new RealClock;  // never destroyed: threads may outlive main
  return *clock;
}

}  // namespace tarn

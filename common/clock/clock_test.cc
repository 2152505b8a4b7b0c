#include "common/clock/clock.h"

#include <absl/time/clock.h>
#include <gtest/gtest.h>

#include "common/clock/fake_clock.h"

namespace tarn {
namespace {

TEST(SystemClockTest, FollowsTheSystemsTime) {
  absl::Time before = absl::Now();
  absl::Time now = SystemClock().Now();
  EXPECT_GE(now, before);
  EXPECT_LE(now, absl::Now());
}

TEST(FakeClockTest, StandsStillUntilAdvanced) {
  FakeClock clock;
  EXPECT_EQ(clock.Now(), FakeClock::DefaultStart());
  clock.Advance(absl::Seconds(90));
  EXPECT_EQ(clock.Now(), FakeClock::DefaultStart() + absl::Seconds(90));
  clock.SetTime(absl::UnixEpoch());
  EXPECT_EQ(clock.Now(), absl::UnixEpoch());
}

TEST(FakeClockTest, SleepingMovesTheClockInsteadOfBlocking) {
  FakeClock clock;
  clock.SleepFor(absl::Hours(24));
  clock.SleepFor(-absl::Hours(1));
  EXPECT_EQ(clock.Now(), FakeClock::DefaultStart() + absl::Hours(24));
}

}  // namespace
}  // namespace tarn

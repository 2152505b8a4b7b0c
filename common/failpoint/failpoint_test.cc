#include "common/failpoint/failpoint.h"

#include <signal.h>
#include <stdlib.h>

#include <absl/time/clock.h>

#include "common/testing/status_matchers.h"

namespace tarn::failpoint {
namespace {

absl::Status Work() {
  TARN_FAILPOINT("test.begin");
  TARN_RETURN_IF_FAILPOINT("test.work");
  return absl::OkStatus();
}

absl::StatusOr<int> WorkWithResult() {
  TARN_RETURN_IF_FAILPOINT("test.result");
  return 7;
}

class FailpointTest : public ::testing::Test {
 protected:
  ~FailpointTest() override { DisarmAll(); }
};

TEST_F(FailpointTest, AnUnarmedPointDoesNothing) {
  EXPECT_OK(Work());
  EXPECT_EQ(HitCount("test.work"), 0);
}

TEST_F(FailpointTest, ReturnsTheErrorAskedForUntilDisarmed) {
  ASSERT_OK(Arm("test.work", "error(UNAVAILABLE)"));
  ASSERT_OK(Arm("test.result", "error(ABORTED)"));
  EXPECT_THAT(Work(), StatusIs(absl::StatusCode::kUnavailable, "FAILPOINT"));
  EXPECT_THAT(WorkWithResult(), StatusIs(absl::StatusCode::kAborted, "FAILPOINT"));
  Disarm("test.work");
  EXPECT_OK(Work());
}

TEST_F(FailpointTest, PassesTheFirstHitsAndStopsAfterItsCount) {
  ScopedFailpoint point("test.work", "error(INTERNAL)+2*1");
  EXPECT_OK(Work());
  EXPECT_OK(Work());
  EXPECT_THAT(Work(), StatusIs(absl::StatusCode::kInternal));
  EXPECT_OK(Work());
  EXPECT_EQ(point.hit_count(), 4);
}

TEST_F(FailpointTest, AScopedPointIsDisarmedAtItsEnd) {
  {
    ScopedFailpoint point("test.work", "error(INTERNAL)*1+0");
    EXPECT_FALSE(Work().ok());
  }
  EXPECT_OK(Work());
}

TEST_F(FailpointTest, ArmsAListAndSleeps) {
  ASSERT_OK(ArmAll("test.begin=sleep(5); test.work=off;"));
  const absl::Time before = absl::Now();
  EXPECT_OK(Work());
  EXPECT_GE(absl::Now() - before, absl::Milliseconds(5));
  EXPECT_EQ(HitCount("test.work"), 1);
}

TEST_F(FailpointTest, RefusesUnknownActions) {
  for (const char* action : {"", "explode", "error(NOPE)", "sleep(x)", "error(", "abort*x"}) {
    EXPECT_THAT(Arm("test.work", action),
                StatusIs(absl::StatusCode::kInvalidArgument, "INVALID_FAILPOINT"))
        << action;
  }
}

using FailpointDeathTest = FailpointTest;

TEST_F(FailpointDeathTest, AbortKillsTheProcessAtOnce) {
  EXPECT_EXIT(
      {
        (void)Arm("test.begin", "abort");
        (void)Work();
      },
      ::testing::KilledBySignal(SIGKILL), "");
}

TEST_F(FailpointDeathTest, TheEnvironmentArmsAFreshProcess) {
  ::testing::GTEST_FLAG(death_test_style) = "threadsafe";  // runs the program anew
  setenv("TARN_FAILPOINTS", "test.begin=abort+1;test.work=off", 1);
  EXPECT_EXIT(
      {
        (void)Work();
        (void)Work();
      },
      ::testing::KilledBySignal(SIGKILL), "");
  unsetenv("TARN_FAILPOINTS");
}

}  // namespace
}  // namespace tarn::failpoint

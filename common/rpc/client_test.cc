#include "common/rpc/client.h"

#include <gtest/gtest.h>

#include "common/clock/fake_clock.h"
#include "common/testing/status_matchers.h"

namespace tarn::rpc {
namespace {

TEST(RetryUnavailableTest, TriesUntilItSucceeds) {
  FakeClock clock;
  int calls = 0;
  absl::StatusOr<int> result = RetryUnavailable({}, clock, [&]() -> absl::StatusOr<int> {
    if (++calls < 3) return absl::UnavailableError("down");
    return 7;
  });
  EXPECT_THAT(result, IsOkAndHolds(7));
  EXPECT_EQ(calls, 3);
  // 100 ms and 200 ms, each jittered down by at most a half.
  EXPECT_GE(clock.Now() - FakeClock::DefaultStart(), absl::Milliseconds(150));
  EXPECT_LE(clock.Now() - FakeClock::DefaultStart(), absl::Milliseconds(300));
}

TEST(RetryUnavailableTest, GivesUpAfterItsAttempts) {
  FakeClock clock;
  int calls = 0;
  absl::Status status = RetryUnavailable({.max_attempts = 4}, clock, [&] {
    ++calls;
    return absl::UnavailableError("down");
  });
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_EQ(calls, 4);
}

TEST(RetryUnavailableTest, OtherErrorsAreNotTriedAgain) {
  FakeClock clock;
  int calls = 0;
  EXPECT_THAT(RetryUnavailable({}, clock,
                               [&] {
                                 ++calls;
                                 return absl::AbortedError("conflict");
                               }),
              StatusIs(absl::StatusCode::kAborted));
  EXPECT_EQ(calls, 1);
}

TEST(RetryBackoffTest, IsCapped) {
  RetryPolicy policy;
  EXPECT_LE(RetryBackoff(policy, 50), policy.max_backoff);
  EXPECT_GE(RetryBackoff(policy, 50), policy.max_backoff / 2);
}

}  // namespace
}  // namespace tarn::rpc

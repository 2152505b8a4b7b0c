#include "services/transform/retry_delay.h"

#include <gtest/gtest.h>

#include "tarn/common/v1/retry.pb.h"

namespace tarn::transform {
namespace {

TEST(RetryDelayTest, TheDefaultIsOneAttempt) {
  EXPECT_EQ(MaxAttempts(common::v1::RetryPolicy()), 1);
}

TEST(RetryDelayTest, WaitsGrowUpToTheirLimitWithJitter) {
  common::v1::RetryPolicy policy;
  policy.set_multiplier(3);
  policy.mutable_max_backoff()->set_seconds(5);
  EXPECT_EQ(RetryDelay(policy, 1, 0), absl::Seconds(1));
  EXPECT_EQ(RetryDelay(policy, 2, 0), absl::Seconds(3));
  EXPECT_EQ(RetryDelay(policy, 3, 0), absl::Seconds(5));
  EXPECT_EQ(RetryDelay(policy, 20, 0.5), absl::Milliseconds(5500));
}

}  // namespace
}  // namespace tarn::transform

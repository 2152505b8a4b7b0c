// The fault machine for a bounded while; `./dev soak` runs it for as long as one likes.
#include "tests/e2e/soak/soak.h"

#include <iostream>
#include <random>

#include <gtest/gtest.h>

namespace tarn::e2e {
namespace {

TEST(SoakTest, FaultsLoseNoAcknowledgedRecordAndDoubleNone) {
  const SoakReport report = RunSoak(
      {.trials = 30, .seed = std::random_device{}(), .max_duration = absl::Seconds(40)}, std::cout);
  EXPECT_TRUE(report.ok()) << SoakText(report);
  std::cout << SoakText(report);
  EXPECT_GE(report.trials, 1);
  EXPECT_GT(report.all.acknowledged, 0);
  for (const auto& [way, numbers] : report.ways) EXPECT_GT(numbers.acknowledged, 0) << way;
}

}  // namespace
}  // namespace tarn::e2e

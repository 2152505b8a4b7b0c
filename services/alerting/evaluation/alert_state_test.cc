#include "services/alerting/evaluation/alert_state.h"

#include <cmath>
#include <ostream>

#include <gtest/gtest.h>

namespace tarn::alerting {
namespace {

constexpr AlertState kOk = AlertState::kOk;
constexpr AlertState kPending = AlertState::kPending;
constexpr AlertState kFiring = AlertState::kFiring;
const absl::Time kNow = absl::FromUnixSeconds(1'700'000'000);
const Threshold kAboveOne{Comparison::kGreater, 1};

struct StateCase {
  AlertState from;
  int64_t seconds_in_state;
  bool holds;
  int64_t hold_seconds;
  AlertState to;
};
void PrintTo(const StateCase& c, std::ostream* os) {
  *os << static_cast<int>(c.from) << " for " << c.seconds_in_state << " s, holds=" << c.holds
      << ", for=" << c.hold_seconds;
}

class NextStateTest : public ::testing::TestWithParam<StateCase> {};

TEST_P(NextStateTest, FollowsTheTable) {
  const StateCase& c = GetParam();
  EXPECT_EQ(NextState(c.from, kNow - absl::Seconds(c.seconds_in_state), c.holds,
                      absl::Seconds(c.hold_seconds), kNow),
            c.to);
}

INSTANTIATE_TEST_SUITE_P(Table, NextStateTest,
                         ::testing::Values(StateCase{kOk, 5, false, 0, kOk},
                                           StateCase{kOk, 5, true, 0, kFiring},
                                           StateCase{kOk, 500, true, 60, kPending},
                                           StateCase{kOk, 5, false, 60, kOk},
                                           StateCase{kPending, 59, true, 60, kPending},
                                           StateCase{kPending, 60, true, 60, kFiring},
                                           StateCase{kPending, 5, true, 0, kFiring},
                                           StateCase{kPending, 90, false, 60, kOk},
                                           StateCase{kFiring, 5, true, 60, kFiring},
                                           StateCase{kFiring, 5, true, 0, kFiring},
                                           StateCase{kFiring, 5, false, 60, kOk}));

TEST(ThresholdTest, ComparesEveryWay) {
  auto holds = [](Comparison comparison, double value) {
    return Threshold{comparison, 1}.Holds(value);
  };
  EXPECT_TRUE(holds(Comparison::kGreater, 2));
  EXPECT_FALSE(holds(Comparison::kGreater, 1));
  EXPECT_TRUE(holds(Comparison::kGreaterOrEqual, 1));
  EXPECT_TRUE(holds(Comparison::kLess, 0));
  EXPECT_FALSE(holds(Comparison::kLess, 1));
  EXPECT_TRUE(holds(Comparison::kLessOrEqual, 1));
  EXPECT_TRUE(holds(Comparison::kEqual, 1));
  EXPECT_TRUE(holds(Comparison::kNotEqual, 2));
  EXPECT_FALSE((Threshold{Comparison::kNotEqual, 1}.Holds(std::nullopt)));
}

TEST(AlertIdTest, DependsOnEveryPartAndIsStable) {
  const std::string id = AlertId("w", "r", {{"a", "1"}, {"b", "2"}});
  EXPECT_EQ(id.size(), 32u);
  EXPECT_EQ(id, AlertId("w", "r", {{"b", "2"}, {"a", "1"}}));
  EXPECT_NE(id, AlertId("w", "r", {{"a", "1"}, {"b", "3"}}));
  EXPECT_NE(id, AlertId("x", "r", {{"a", "1"}, {"b", "2"}}));
  EXPECT_NE(AlertId("w", "r", {{"a", "1b"}}), AlertId("w", "r", {{"a1", "b"}}));
}

TEST(AdvanceTest, ARowThatDisappearsResolvesItsAlert) {
  Alert firing{.id = AlertId("w", "r", {{"d", "1"}}),
               .labels = {{"d", "1"}},
               .state = kFiring,
               .value = 5,
               .state_time = kNow - absl::Hours(1),
               .ever_raised = true,
               .acknowledged_by = "ada",
               .acknowledge_time = kNow};
  auto steps = Advance("w", "r", {firing}, {}, kAboveOne, absl::ZeroDuration(), kNow);
  ASSERT_EQ(steps.size(), 1u);
  EXPECT_EQ(steps[0].alert.state, kOk);
  EXPECT_EQ(steps[0].before, kFiring);
  EXPECT_EQ(steps[0].alert.value, 5);
  EXPECT_EQ(steps[0].alert.acknowledged_by, "");
  EXPECT_FALSE(steps[0].alert.acknowledge_time.has_value());
  EXPECT_FALSE(steps[0].forget);
}

TEST(AdvanceTest, ANewRowBeginsAndAnUnchangedOneIsNotWritten) {
  auto steps =
      Advance("w", "r", {}, {{{{"d", "1"}}, 2}, {{{"d", "2"}}, 0}, {{{"d", "3"}}, std::nullopt}},
              kAboveOne, absl::ZeroDuration(), kNow);
  ASSERT_EQ(steps.size(), 3u);
  EXPECT_TRUE(steps[0].is_new);
  EXPECT_EQ(steps[0].alert.state, kFiring);
  EXPECT_EQ(steps[1].alert.state, kOk);
  EXPECT_FALSE(steps[1].changed_state());
  EXPECT_EQ(steps[2].alert.state, kOk);
  steps = Advance("w", "r", {steps[0].alert}, {{{{"d", "1"}}, 2}}, kAboveOne, absl::ZeroDuration(),
                  kNow + absl::Seconds(1));
  EXPECT_FALSE(steps[0].touched);
  EXPECT_EQ(steps[0].alert.state_time, kNow);
}

TEST(AdvanceTest, ForgetsOldAlertsWithoutARow) {
  Alert never{.id = "1", .state_time = kNow};
  Alert resolved{.id = "2", .state_time = kNow - absl::Hours(1), .ever_raised = true};
  Alert old{.id = "3", .state_time = kNow - kKeepResolved, .ever_raised = true};
  auto steps = Advance("w", "r", {never, resolved, old}, {}, kAboveOne, absl::ZeroDuration(), kNow);
  ASSERT_EQ(steps.size(), 3u);
  EXPECT_TRUE(steps[0].forget);
  EXPECT_FALSE(steps[1].forget);
  EXPECT_TRUE(steps[2].forget);
}

}  // namespace
}  // namespace tarn::alerting

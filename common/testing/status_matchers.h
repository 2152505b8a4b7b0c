// GoogleTest matchers and macros for absl::Status and absl::StatusOr.
//
//   ASSERT_OK(store.Open());
//   ASSERT_OK_AND_ASSIGN(Table table, store.GetTable(id));
//   EXPECT_THAT(store.GetTable(other), StatusIs(absl::StatusCode::kNotFound, "TABLE_NOT_FOUND"));
//   EXPECT_THAT(ParseLimit("7"), IsOkAndHolds(7));
#pragma once

#include <ostream>
#include <string>
#include <utility>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/status/error.h"

namespace tarn {
namespace testing_internal {

inline const absl::Status& StatusOf(const absl::Status& status) { return status; }
template <typename T>
const absl::Status& StatusOf(const absl::StatusOr<T>& result) {
  return result.status();
}

// "NOT_FOUND TABLE_NOT_FOUND: message", for a failed test's output.
std::string Describe(const absl::Status& status);

class IsOkMatcher {
 public:
  template <typename T>
  bool MatchAndExplain(const T& value, ::testing::MatchResultListener* listener) const {
    const absl::Status& status = StatusOf(value);
    if (!status.ok()) *listener << "which is " << Describe(status);
    return status.ok();
  }
  void DescribeTo(std::ostream* os) const { *os << "is OK"; }
  void DescribeNegationTo(std::ostream* os) const { *os << "is not OK"; }
};

class StatusIsMatcher {
 public:
  StatusIsMatcher(absl::StatusCode code, ::testing::Matcher<std::string> reason,
                  ::testing::Matcher<std::string> message)
      : code_(code), reason_(std::move(reason)), message_(std::move(message)) {}

  template <typename T>
  bool MatchAndExplain(const T& value, ::testing::MatchResultListener* listener) const {
    return Matches(StatusOf(value), listener);
  }
  void DescribeTo(std::ostream* os) const;
  void DescribeNegationTo(std::ostream* os) const;

 private:
  bool Matches(const absl::Status& status, ::testing::MatchResultListener* listener) const;

  absl::StatusCode code_;
  ::testing::Matcher<std::string> reason_;
  ::testing::Matcher<std::string> message_;
};

}  // namespace testing_internal

// Matches an OK Status or StatusOr.
inline auto IsOk() { return ::testing::MakePolymorphicMatcher(testing_internal::IsOkMatcher()); }

// Matches a Status or StatusOr by its code, its machine-readable reason and, rarely, its message
// (HasSubstr). Only what a user reads is worth a matcher on the message.
inline auto StatusIs(absl::StatusCode code, ::testing::Matcher<std::string> reason = ::testing::_,
                     ::testing::Matcher<std::string> message = ::testing::_) {
  return ::testing::MakePolymorphicMatcher(
      testing_internal::StatusIsMatcher(code, std::move(reason), std::move(message)));
}

// Matches an OK StatusOr whose value matches `inner`.
MATCHER_P(IsOkAndHolds, inner, "is OK and holds a value that matches") {
  if (!arg.ok()) {
    *result_listener << "which is " << testing_internal::Describe(arg.status());
    return false;
  }
  return ::testing::ExplainMatchResult(inner, *arg, result_listener);
}

}  // namespace tarn

#define EXPECT_OK(expr) EXPECT_THAT((expr), ::tarn::IsOk())
#define ASSERT_OK(expr) ASSERT_THAT((expr), ::tarn::IsOk())

#define TARN_TEST_CONCAT_INNER_(a, b) a##b
#define TARN_TEST_CONCAT_(a, b) TARN_TEST_CONCAT_INNER_(a, b)

// Moves the value of `expr`, an absl::StatusOr, into `lhs`, or fails the test. In a function that
// returns void.
#define ASSERT_OK_AND_ASSIGN(lhs, ...) \
  ASSERT_OK_AND_ASSIGN_IMPL_(TARN_TEST_CONCAT_(tarn_result_, __LINE__), lhs, __VA_ARGS__)
#define ASSERT_OK_AND_ASSIGN_IMPL_(result, lhs, ...) \
  auto result = (__VA_ARGS__);                       \
  ASSERT_THAT(result, ::tarn::IsOk());               \
  lhs = std::move(result).value()

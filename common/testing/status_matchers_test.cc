#include "common/testing/status_matchers.h"

#include <memory>
#include <string>

namespace tarn {
namespace {

using ::testing::Gt;
using ::testing::HasSubstr;
using ::testing::Not;

absl::StatusOr<int> Seven() { return 7; }
absl::StatusOr<int> Missing() { return NotFound("TABLE_NOT_FOUND", "table a.b does not exist"); }

TEST(StatusMatchersTest, MatchCodeReasonAndMessage) {
  EXPECT_THAT(Missing(), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(Missing(), StatusIs(absl::StatusCode::kNotFound, "TABLE_NOT_FOUND"));
  EXPECT_THAT(Missing().status(),
              StatusIs(absl::StatusCode::kNotFound, "TABLE_NOT_FOUND", HasSubstr("a.b")));
  EXPECT_THAT(Missing(), Not(StatusIs(absl::StatusCode::kNotFound, "OTHER")));
  EXPECT_THAT(Missing(), Not(StatusIs(absl::StatusCode::kInternal)));
}

TEST(StatusMatchersTest, MatchOkResults) {
  EXPECT_OK(absl::OkStatus());
  EXPECT_OK(Seven());
  EXPECT_THAT(Missing(), Not(IsOk()));
  EXPECT_THAT(Seven(), IsOkAndHolds(7));
  EXPECT_THAT(Seven(), IsOkAndHolds(Gt(6)));
  EXPECT_THAT(Missing(), Not(IsOkAndHolds(7)));
}

TEST(StatusMatchersTest, AssignMovesTheValueOut) {
  absl::StatusOr<std::unique_ptr<int>> result = std::make_unique<int>(3);
  ASSERT_OK_AND_ASSIGN(std::unique_ptr<int> value, std::move(result));
  EXPECT_EQ(*value, 3);
}

}  // namespace
}  // namespace tarn

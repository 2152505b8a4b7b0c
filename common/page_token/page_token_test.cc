#include "common/page_token/page_token.h"

#include "common/testing/status_matchers.h"

namespace tarn {
namespace {

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

TEST(PageTokenTest, ReturnsTheCursorToTheQueryThatItIsOf) {
  const std::string query = QueryFingerprint({"databases/a", "name:x"});
  const std::string cursor = std::string("t\0able", 6);
  const std::string token = EncodePageToken(query, cursor);
  EXPECT_EQ(token.find_first_of("+/="), std::string::npos);
  EXPECT_THAT(DecodePageToken(query, token), IsOkAndHolds(cursor));
}

TEST(PageTokenTest, TheEmptyTokenIsTheFirstPage) {
  EXPECT_THAT(DecodePageToken("q", ""), IsOkAndHolds(""));
}

TEST(PageTokenTest, AnotherQueryIsRefused) {
  const std::string token = EncodePageToken(QueryFingerprint({"ab", ""}), "cursor");
  EXPECT_THAT(DecodePageToken(QueryFingerprint({"a", "b"}), token),
              StatusIs(kInvalid, "INVALID_PAGE_TOKEN"));
}

TEST(PageTokenTest, DamageIsRefused) {
  std::string token = EncodePageToken("q", "cursor");
  for (std::size_t i = 0; i + 1 < token.size(); ++i) {
    std::string damaged = token;
    damaged[i] = damaged[i] == 'A' ? 'B' : 'A';
    EXPECT_THAT(DecodePageToken("q", damaged), StatusIs(kInvalid, "INVALID_PAGE_TOKEN")) << i;
    EXPECT_THAT(DecodePageToken("q", token.substr(0, i + 1)),
                StatusIs(kInvalid, "INVALID_PAGE_TOKEN"));
  }
  EXPECT_THAT(DecodePageToken("q", "!!"), StatusIs(kInvalid, "INVALID_PAGE_TOKEN"));
}

TEST(PageSizeTest, IsDefaultedAndCapped) {
  EXPECT_THAT(PageSize(0), IsOkAndHolds(kDefaultPageSize));
  EXPECT_THAT(PageSize(7), IsOkAndHolds(7));
  EXPECT_THAT(PageSize(1000000), IsOkAndHolds(kMaxPageSize));
  EXPECT_THAT(PageSize(-1), StatusIs(kInvalid, "INVALID_FIELD"));
}

}  // namespace
}  // namespace tarn

#include "services/catalog/crawl/text_pattern.h"

#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/testing/status_matchers.h"

namespace tarn::catalog {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(TextPatternTest, NamedGroupsAreTypedColumnsInTheirOrder) {
  ASSERT_OK_AND_ASSIGN(const TextPattern pattern,
                       TextPattern::Create(R"((?P<b>\w+)(?: (?P<a>\d+))?)"));
  std::istringstream in("\xEF\xBB\xBFx 1\r\n# no\n\ny\n");
  ASSERT_OK_AND_ASSIGN(const ScannedFile file, pattern.Scan(in, '#'));
  EXPECT_EQ(file.row_count, 2);
  ASSERT_EQ(file.columns.parts.size(), 2u);
  EXPECT_EQ(file.columns.parts[0].first, "b");
  EXPECT_EQ(file.columns.parts[1].second.kind, InferredKind::kLong);
  EXPECT_EQ(file.columns.parts[1].second.value_count, 1);

  std::istringstream again("x 1\ny\n");
  std::vector<std::string> rows;
  ASSERT_OK(pattern.VisitRows(again, '\0', [&](const std::string& row) {
    rows.push_back(row);
    return absl::OkStatus();
  }));
  EXPECT_THAT(rows, ElementsAre("{\"a\":\"1\",\"b\":\"x\"}", "{\"b\":\"y\"}"));
}

TEST(TextPatternTest, ALineThatDoesNotFitIsNamed) {
  ASSERT_OK_AND_ASSIGN(const TextPattern pattern, TextPattern::Create("(?P<a>[0-9]+)"));
  std::istringstream in("1\n2x\n");
  EXPECT_THAT(pattern.Scan(in, '\0').status(),
              StatusIs(absl::StatusCode::kInvalidArgument, "CORRUPT_FILE",
                       HasSubstr("line 2: the pattern does not fit \"2x\"")));
}

TEST(TextPatternTest, PatternsWithoutColumnsAreRefused) {
  for (const std::string pattern : {"(a", "a(b)", std::string(5000, 'a').c_str()}) {
    EXPECT_THAT(TextPattern::Create(pattern).status(),
                StatusIs(absl::StatusCode::kInvalidArgument, "INVALID_PATTERN"));
  }
}

}  // namespace
}  // namespace tarn::catalog

#include "services/catalog/crawl/path_filter.h"

#include <gtest/gtest.h>

#include "common/testing/status_matchers.h"

namespace tarn::catalog {
namespace {

bool Excludes(const std::vector<std::string>& patterns, const std::string& path) {
  absl::StatusOr<PathFilter> filter = PathFilter::Create(patterns);
  EXPECT_TRUE(filter.ok()) << filter.status();
  return filter.ok() && filter->Excludes(path);
}

TEST(PathFilterTest, AStarStaysWithinOneNameAndTwoGoBeyond) {
  EXPECT_TRUE(Excludes({"*.tmp"}, "a.tmp"));
  EXPECT_FALSE(Excludes({"*.tmp"}, "x/a.tmp"));
  EXPECT_TRUE(Excludes({"**/*.tmp"}, "a.tmp"));
  EXPECT_TRUE(Excludes({"**/*.tmp"}, "x/y/a.tmp"));
  EXPECT_TRUE(Excludes({"x/?.csv", "y"}, "x/a.csv"));
  EXPECT_FALSE(Excludes({"x/?.csv"}, "x/ab.csv"));
  EXPECT_FALSE(Excludes({"a.csv"}, "abcsv"));
  EXPECT_FALSE(Excludes({}, "a"));
}

TEST(PathFilterTest, AFolderTakesWhatIsBelowWithIt) {
  EXPECT_TRUE(Excludes({"tmp"}, "tmp"));
  EXPECT_TRUE(Excludes({"tmp"}, "tmp/a/b.csv"));
  EXPECT_FALSE(Excludes({"tmp"}, "tmp2/a.csv"));
}

TEST(PathFilterTest, PatternsThatFitNothingAreRefused) {
  for (const char* pattern : {"", "/a", "a/"}) {
    EXPECT_THAT(PathFilter::Create({pattern}).status(),
                StatusIs(absl::StatusCode::kInvalidArgument, "INVALID_PATTERN"));
  }
  EXPECT_THAT(PathFilter::Create(std::vector<std::string>(101, "a")).status(),
              StatusIs(absl::StatusCode::kInvalidArgument, "INVALID_PATTERN"));
}

}  // namespace
}  // namespace tarn::catalog

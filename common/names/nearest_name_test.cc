#include "common/names/nearest_name.h"

#include <gtest/gtest.h>

namespace tarn::names {
namespace {

TEST(NearestNameTest, FindsTheCandidateMeant) {
  const std::vector<std::string> candidates = {"usage", "usage_enriched", "locations", "rates"};
  EXPECT_EQ(NearestName("usag", candidates), "usage");
  EXPECT_EQ(NearestName("Loactions", candidates), "locations");
  EXPECT_EQ(NearestName("usage_enrich", candidates), "usage_enriched");
  EXPECT_EQ(DidYouMean("rate", candidates), "; did you mean rates?");
}

TEST(NearestNameTest, StaysSilentWhenNoneIsNear) {
  EXPECT_EQ(NearestName("customers", {"usage", "rates"}), "");
  EXPECT_EQ(NearestName("x", {"y"}), "");
  EXPECT_EQ(DidYouMean("", {"y"}), "");
}

}  // namespace
}  // namespace tarn::names

#include "tools/datagen/units.h"

#include <gtest/gtest.h>

namespace tarn::datagen {
namespace {

TEST(UnitsTest, HalvesAreRoundedAwayFromZero) {
  EXPECT_EQ(DivideRounded(15, 10), 2);
  EXPECT_EQ(DivideRounded(25, 10), 3);
  EXPECT_EQ(DivideRounded(-25, 10), -3);
  EXPECT_EQ(DivideRounded(24, 10), 2);
}

TEST(UnitsTest, CostIsKwhTimesRateToFourDecimals) {
  // 0.29267 * 4.209 = 1.23184803
  EXPECT_EQ(CostOf(292'670'000, 4'209'000'000), 12318);
  EXPECT_EQ(CostInDoubles(0.29267, 4.209), 12318);
  // 0.0005 * 0.1 = 0.00005, a tie.
  EXPECT_EQ(CostOf(500'000, 100'000'000), 1);
}

TEST(UnitsTest, ADecimalOfNinePlacesIsReadExactly) {
  EXPECT_EQ(ExactNanos(0.29267).value(), 292'670'000);
  EXPECT_EQ(ExactNanos(0).value(), 0);
  EXPECT_EQ(ExactNanos(-0.000000001).value(), -1);
  EXPECT_EQ(ExactNanos(123456.123456789).value(), 123'456'123'456'789);
}

TEST(UnitsTest, ANumberThatIsNoSuchDecimalIsRefused) {
  EXPECT_FALSE(ExactNanos(0.0045657496302113).ok());
  EXPECT_FALSE(ExactNanos(1e12).ok());
}

TEST(UnitsTest, DecimalTextHasNoTrailingZeros) {
  EXPECT_EQ(DecimalText(29267, 5), "0.29267");
  EXPECT_EQ(DecimalText(463000, 5), "4.63");
  EXPECT_EQ(DecimalText(200, 2), "2");
  EXPECT_EQ(DecimalText(0, 5), "0");
  EXPECT_EQ(DecimalText(-1220000001, 7), "-122.0000001");
  EXPECT_EQ(DecimalText(7, 0), "7");
}

TEST(UnitsTest, DoubleTextIsShortestAndNeverScientific) {
  EXPECT_EQ(DoubleText(27), "27");
  EXPECT_EQ(DoubleText(0.0001), "0.0001");
  EXPECT_EQ(DoubleText(static_cast<double>(18.9F)), "18.899999618530273");
}

}  // namespace
}  // namespace tarn::datagen

#include "common/config/option_value.h"

#include "common/testing/status_matchers.h"

namespace tarn::config {
namespace {

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

TEST(OptionValueTest, ReadsSizes) {
  EXPECT_THAT(ParseByteSize("64MiB"), IsOkAndHolds(ByteSize{64 << 20}));
  EXPECT_THAT(ParseByteSize("1 gb"), IsOkAndHolds(ByteSize{1'000'000'000}));
  EXPECT_THAT(ParseByteSize("4096"), IsOkAndHolds(ByteSize{4096}));
  for (const char* text : {"", "MiB", "-1MiB", "1.5MiB", "1XB", "9999999999TiB"}) {
    EXPECT_THAT(ParseByteSize(text), StatusIs(kInvalid, "INVALID_OPTION")) << text;
  }
  EXPECT_EQ(FormatByteSize({64 << 20}), "64MiB");
  EXPECT_EQ(FormatByteSize({1'000'000}), "1MB");
  EXPECT_EQ(FormatByteSize({4097}), "4097B");
  EXPECT_EQ(FormatByteSize({0}), "0");
}

TEST(OptionValueTest, ReadsDurations) {
  EXPECT_THAT(ParseDuration("1h30m"), IsOkAndHolds(absl::Minutes(90)));
  EXPECT_THAT(ParseDuration("250ms"), IsOkAndHolds(absl::Milliseconds(250)));
  EXPECT_THAT(ParseDuration("7d"), IsOkAndHolds(absl::Hours(168)));
  EXPECT_THAT(ParseDuration("5"), StatusIs(kInvalid, "INVALID_OPTION"));
  EXPECT_THAT(ParseDuration(""), StatusIs(kInvalid, "INVALID_OPTION"));
}

TEST(OptionValueTest, ABadValueLeavesTheTargetAlone) {
  std::int64_t number = 3;
  EXPECT_THAT(ParseInto(&number, "12x"), StatusIs(kInvalid, "INVALID_OPTION"));
  EXPECT_EQ(number, 3);
  bool flag = true;
  EXPECT_THAT(ParseInto(&flag, "maybe"), StatusIs(kInvalid, "INVALID_OPTION"));
  EXPECT_OK(ParseInto(&flag, "Off"));
  EXPECT_FALSE(flag);
  std::vector<std::string> list;
  EXPECT_OK(ParseInto(&list, "a, b,,c"));
  EXPECT_EQ(FormatTarget(&list), "a,b,c");
}

}  // namespace
}  // namespace tarn::config

#include "tools/datagen/csv_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tarn::datagen {
namespace {

using testing::ElementsAre;

TEST(CsvReaderTest, BothLineEndsAndAMissingLastOneAreRead) {
  const CsvTable table = ParseCsv("a,b\r\n1,2\n3,").value();
  EXPECT_THAT(table.header, ElementsAre("a", "b"));
  EXPECT_THAT(table.rows, ElementsAre(ElementsAre("1", "2"), ElementsAre("3", "")));
}

TEST(CsvReaderTest, QuotesHoldCommasQuotesAndLineBreaks) {
  const CsvTable table = ParseCsv("a,b\n\"x, \"\"y\"\"\",\"1\n2\"\n").value();
  EXPECT_THAT(table.rows, ElementsAre(ElementsAre("x, \"y\"", "1\n2")));
}

TEST(CsvReaderTest, LeadingZerosAreKept) {
  EXPECT_EQ(ParseCsv("postcode\n06902\n").value().rows[0][0], "06902");
}

TEST(CsvReaderTest, ARowOfAnotherLengthIsRefusedWithItsLine) {
  const auto table = ParseCsv("a,b\n1,2\n1,2,3\n");
  ASSERT_FALSE(table.ok());
  EXPECT_THAT(std::string(table.status().message()), testing::HasSubstr("line 3 has 3 fields"));
}

TEST(CsvReaderTest, AnUnclosedQuoteIsRefused) { EXPECT_FALSE(ParseCsv("a\n\"1\n").ok()); }

TEST(CsvReaderTest, AColumnIsFoundByName) {
  const CsvTable table = ParseCsv("a,b\n").value();
  EXPECT_EQ(table.Column("b").value(), 1u);
  EXPECT_FALSE(table.Column("c").ok());
}

}  // namespace
}  // namespace tarn::datagen

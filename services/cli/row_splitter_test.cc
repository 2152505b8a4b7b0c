#include "services/cli/row_splitter.h"

#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/testing/status_matchers.h"

namespace tarn::cli {
namespace {

using ::testing::ElementsAre;

// "line:record" of a text that comes in pieces of `piece` bytes.
std::vector<std::string> Split(char delimiter, const std::string& text, size_t piece) {
  std::vector<std::string> rows;
  RowSplitter splitter(delimiter, [&](const RecordText& row) {
    rows.push_back(std::to_string(row.line) + ":" + std::string(row.bytes));
    return absl::OkStatus();
  });
  for (size_t at = 0; at < text.size(); at += piece) {
    EXPECT_OK(splitter.Add(std::string_view(text).substr(at, piece)));
  }
  EXPECT_OK(splitter.Finish());
  return rows;
}

TEST(RowSplitterTest, RowsEndOutsideOfQuotes) {
  for (const size_t piece : {1, 2, 3, 7, 1000}) {
    EXPECT_THAT(Split(',',
                      "\xEF\xBB\xBF"
                      "a,b\r\n\n1,\"x\ny, \"\"z\"\"\n\"\n\"q\"\r\nlast",
                      piece),
                ElementsAre("1:a,b", "3:1,\"x\ny, \"\"z\"\"\n\"", "6:\"q\"", "7:last"));
    // Malformed rows end with their line; a quote that is open takes the rest.
    EXPECT_THAT(Split(',', "x\"y,\"\n\"a\"b\"\nfine\n\"open,\n1\n", piece),
                ElementsAre("1:x\"y,\"", "2:\"a\"b\"", "3:fine", "4:\"open,\n1\n"));
  }
}

TEST(RowSplitterTest, PlainLinesAreRecordsAsTheyStand) {
  EXPECT_THAT(Split('\0', " a \"b\n\r\n\nc", 2), ElementsAre("1: a \"b", "4:c"));
}

TEST(RowSplitterTest, OfARowThatIsTooLargeOnlyItsSizeCounts) {
  const auto rows = Split(',', std::string(3 << 20, 'x') + "\ny", 1 << 16);
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].size(), 2 + kMaxRecordBytes + 1);
  EXPECT_EQ(rows[1], "2:y");
}

TEST(RowSplitterTest, AHeadersFieldsLoseTheirQuotes) {
  EXPECT_THAT(*CsvFields("a,\"b, \"\"c\"\"\",,d", ','), ElementsAre("a", "b, \"c\"", "", "d"));
  EXPECT_THAT(*CsvFields("a;b,c", ';'), ElementsAre("a", "b,c"));
  EXPECT_THAT(*CsvFields("\"\"", ','), ElementsAre(""));
  EXPECT_THAT(*CsvFields("a,", ','), ElementsAre("a", ""));
  for (const char* bad : {"\"", "\"a", "\"a\"b", "a\"b", "\"a\"\"", "a,\"b\" "}) {
    EXPECT_THAT(CsvFields(bad, ','), StatusIs(absl::StatusCode::kInvalidArgument, "INVALID_CSV"))
        << bad;
  }
}

TEST(RowSplitterTest, PiecesMakeNoDifference) {
  for (unsigned seed = 1; seed <= 300; ++seed) {
    std::minstd_rand random(seed);
    std::string text;
    for (int i = 0; i < 80; ++i) text += "ab,\"\n\r,x"[random() % 8];
    const auto whole = Split(',', text, text.size());
    EXPECT_EQ(Split(',', text, 1 + random() % 9), whole) << text;
  }
}

}  // namespace
}  // namespace tarn::cli

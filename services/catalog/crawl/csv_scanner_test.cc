#include "services/catalog/crawl/csv_scanner.h"

#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/testing/status_matchers.h"

namespace tarn::catalog {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Rows = std::vector<std::vector<std::string>>;

absl::StatusOr<Rows> Read(const std::string& text, const CsvDialect& dialect = {}) {
  std::istringstream in(text);
  Rows rows;
  const absl::Status status =
      VisitCsvRows(in, dialect, [&](int64_t, const std::vector<std::string>& row) {
        rows.push_back(row);
        return true;
      });
  if (!status.ok()) return status;
  return rows;
}

absl::StatusOr<ScannedFile> Scan(const std::string& text, std::vector<std::string> names) {
  std::istringstream in(text);
  return ScanCsv(in, {}, /*header=*/true, "", names);
}

TEST(CsvScannerTest, LineEndsByteOrderMarkAndMissingLastNewlineDoNotMatter) {
  for (const char* text : {"a,b\n1,2\n", "a,b\r\n1,2\r\n", "a,b\r1,2",
                           "\xEF\xBB\xBF"
                           "a,b\n\n1,2"}) {
    ASSERT_OK_AND_ASSIGN(const Rows rows, Read(text));
    EXPECT_THAT(rows, ElementsAre(ElementsAre("a", "b"), ElementsAre("1", "2"))) << text;
  }
}

TEST(CsvScannerTest, QuotedFieldsHoldDelimitersLineEndsAndQuotes) {
  ASSERT_OK_AND_ASSIGN(const Rows rows, Read("\"a,b\",\"c\nd\",\"e \"\"f\"\"\",\"\"\n"));
  EXPECT_THAT(rows, ElementsAre(ElementsAre("a,b", "c\nd", "e \"f\"", "")));
}

TEST(CsvScannerTest, AQuotedFieldWithoutEndIsFoundWhereItBegins) {
  EXPECT_THAT(Read("a,b\n1,\"x\n2,y\n"),
              StatusIs(absl::StatusCode::kInvalidArgument, "CORRUPT_FILE",
                       HasSubstr("line 2: a quoted field begins here")));
  EXPECT_THAT(Read("a,b\n\"x\"y,1\n"), StatusIs(absl::StatusCode::kInvalidArgument, "CORRUPT_FILE",
                                                HasSubstr("line 2: field 1 has text after")));
}

TEST(CsvScannerTest, RowsThatBeginWithTheCommentCharacterDoNotCount) {
  const CsvDialect dialect{.comment = '#'};
  ASSERT_OK_AND_ASSIGN(const Rows rows, Read("#x,\"y\n1,#2\n\"#3\",\"a\n#b\"\r#end", dialect));
  EXPECT_THAT(rows, ElementsAre(ElementsAre("1", "#2"), ElementsAre("#3", "a\n#b")));
  std::string copy;
  for (const std::vector<std::string>& row : rows) copy += CsvRow(dialect, row);
  ASSERT_OK_AND_ASSIGN(const Rows again, Read(copy, dialect));
  EXPECT_EQ(again, rows);
}

TEST(CsvScannerTest, ARowHasABound) {
  EXPECT_THAT(Read("a\n" + std::string(kMaxCsvRowBytes + 1, 'x')),
              StatusIs(absl::StatusCode::kInvalidArgument, "CORRUPT_FILE",
                       HasSubstr("line 2: the row is longer than 2 MiB")));
  EXPECT_THAT(Read("a\n\n\"" + std::string(kMaxCsvRowBytes + 1, 'x')),
              StatusIs(absl::StatusCode::kInvalidArgument, "CORRUPT_FILE",
                       HasSubstr("line 3: a quoted field begins here")));
}

TEST(CsvScannerTest, WhatValuesLookLikeIsCountedWhateverTheColumnBecomes) {
  ASSERT_OK_AND_ASSIGN(const ScannedFile file, Scan("a\nn/a\n1\n2\n", {"a"}));
  const InferredType& column = file.columns.parts[0].second;
  EXPECT_EQ(column.kind, InferredKind::kString);
  EXPECT_THAT(column.seen, ElementsAre(SeenKind{InferredKind::kString, 1, "n/a"},
                                       SeenKind{InferredKind::kLong, 2, "1"}));
}

TEST(CsvScannerTest, ARowOfAnotherLengthIsNamedByItsLine) {
  EXPECT_THAT(
      Scan("a,b\n1,2\n\"x\ny\",2\n3\n", {"a", "b"}),
      StatusIs(absl::StatusCode::kInvalidArgument, "CORRUPT_FILE", HasSubstr("line 5: 1 fields")));
  EXPECT_THAT(Scan("a,c\n1,2\n", {"a", "b"}),
              StatusIs(absl::StatusCode::kInvalidArgument, "CORRUPT_FILE",
                       HasSubstr("column 2 is called \"c\"")));
}

TEST(CsvScannerTest, TypesAreThoseThatHoldEveryValue) {
  ASSERT_OK_AND_ASSIGN(const ScannedFile file,
                       Scan("id,zip,x,none,d\n1,06902,1,,2019-12-21\n2,97008,2.5,,\n",
                            {"id", "zip", "x", "none", "d"}));
  EXPECT_EQ(file.row_count, 2);
  EXPECT_EQ(file.columns.parts[0].second.kind, InferredKind::kLong);
  EXPECT_EQ(file.columns.parts[1].second.kind, InferredKind::kString);
  EXPECT_EQ(file.columns.parts[2].second.kind, InferredKind::kDouble);
  EXPECT_EQ(file.columns.parts[3].second.kind, InferredKind::kNothing);
  EXPECT_EQ(file.columns.parts[4].second.kind, InferredKind::kDate);
}

TEST(CsvScannerTest, TheDelimiterIsTheOneThatDividesRowsEvenly) {
  EXPECT_EQ(DetectDelimiter("a,b,c\n1,2,3\n", '"'), ',');
  EXPECT_EQ(DetectDelimiter("a;b\n1,5;2\n2,5;3\n", '"'), ';');
  EXPECT_EQ(DetectDelimiter("a\tb\n1\t2\n", '"'), '\t');
  EXPECT_EQ(DetectDelimiter("a|b|c\n1|2|3\n", '"'), '|');
  EXPECT_EQ(DetectDelimiter("\"x;y\",b\n\"z;w\",2\n", '"'), ',');
  EXPECT_EQ(DetectDelimiter("one\ntwo\n", '"'), ',');
}

TEST(CsvScannerTest, AHeaderIsARowOfWords) {
  EXPECT_TRUE(LooksLikeHeader({"lon", "lat", "post code"}));
  EXPECT_FALSE(LooksLikeHeader({"lon", "1.5"}));
  EXPECT_FALSE(LooksLikeHeader({"a", "A"}));
  EXPECT_FALSE(LooksLikeHeader({"a", ""}));
  EXPECT_THAT(ColumnNames({" a ", "", "A"}, true), ElementsAre("a", "column_2", "A_2"));
  EXPECT_THAT(ColumnNames({"x", "y"}, false), ElementsAre("column_1", "column_2"));
}

}  // namespace
}  // namespace tarn::catalog

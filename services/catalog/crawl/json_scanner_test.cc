#include "services/catalog/crawl/json_scanner.h"

#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/testing/status_matchers.h"

namespace tarn::catalog {
namespace {

using ::testing::HasSubstr;

absl::StatusOr<ScannedFile> Lines(const std::string& text) {
  std::istringstream in(text);
  return ScanJsonLines(in);
}

absl::StatusOr<ScannedFile> Array(const std::string& text) {
  std::istringstream in(text);
  return ScanJsonArray(in);
}

Field Row(const ScannedFile& file) { return FieldOf("row", file.columns); }

TEST(JsonScannerTest, IntegersAmongDoublesAreDoublesInsideNestedObjectsToo) {
  ASSERT_OK_AND_ASSIGN(const ScannedFile file,
                       Lines("{\"id\":1,\"d\":{\"x\":0,\"y\":1}}\n\n{\"id\":2,\"d\":{\"x\":0.5}}"));
  EXPECT_EQ(file.row_count, 2);
  const Field row = Row(file);
  EXPECT_EQ(row.fields[0].type.kind, TypeKind::kLong);
  EXPECT_EQ(row.fields[1].type.kind, TypeKind::kStruct);
  EXPECT_EQ(row.fields[1].fields[0].type.kind, TypeKind::kDouble);
  EXPECT_EQ(row.fields[1].fields[1].type.kind, TypeKind::kLong);
}

TEST(JsonScannerTest, TextStaysTextAndConflictsBecomeText) {
  ASSERT_OK_AND_ASSIGN(const ScannedFile file,
                       Lines("{\"a\":\"12\",\"b\":1,\"c\":{\"x\":1},\"l\":[1,2.5],\"n\":null}\n"
                             "{\"a\":\"13\",\"b\":true,\"c\":[1],\"l\":[],\"n\":null}\n"));
  const Field row = Row(file);
  EXPECT_EQ(row.fields[0].type.kind, TypeKind::kString);
  EXPECT_EQ(row.fields[1].type.kind, TypeKind::kString);
  EXPECT_EQ(row.fields[2].type.kind, TypeKind::kString);
  EXPECT_TRUE(row.fields[2].fields.empty());
  EXPECT_EQ(row.fields[3].fields[0].type.kind, TypeKind::kDouble);
  EXPECT_EQ(row.fields[4].type.kind, TypeKind::kString);
}

TEST(JsonScannerTest, ATruncatedLineIsNamed) {
  EXPECT_THAT(Lines("{\"a\":1}\n{\"a\":2,\"b\n"),
              StatusIs(absl::StatusCode::kInvalidArgument, "CORRUPT_FILE", HasSubstr("line 2")));
  EXPECT_THAT(Lines("{\"a\":1}\n{\"a\":2"),
              StatusIs(absl::StatusCode::kInvalidArgument, "CORRUPT_FILE", HasSubstr("cut off")));
  EXPECT_THAT(Lines("{\"a\":1} {\"a\":2}\n"),
              StatusIs(absl::StatusCode::kInvalidArgument, "CORRUPT_FILE", HasSubstr("line 1")));
  EXPECT_THAT(Lines("5\n"), StatusIs(absl::StatusCode::kInvalidArgument, "CORRUPT_FILE",
                                     HasSubstr("line 1: is not an object")));
}

TEST(JsonScannerTest, AnArrayHoldsItsElementsAsRows) {
  ASSERT_OK_AND_ASSIGN(const ScannedFile file,
                       Array("[ {\"a\":1},\n {\"a\":2.5, \"l\":[{\"x\":\"y\"}]} ]"));
  EXPECT_EQ(file.row_count, 2);
  EXPECT_EQ(Row(file).fields[0].type.kind, TypeKind::kDouble);
  EXPECT_EQ(Row(file).fields[1].fields[0].fields[0].name, "x");
  EXPECT_THAT(Array("[{\"a\":1},\n{\"a\":"),
              StatusIs(absl::StatusCode::kInvalidArgument, "CORRUPT_FILE", HasSubstr("line 2")));
  EXPECT_THAT(Array("[1]"), StatusIs(absl::StatusCode::kInvalidArgument, "CORRUPT_FILE",
                                     HasSubstr("not an object")));
}

}  // namespace
}  // namespace tarn::catalog

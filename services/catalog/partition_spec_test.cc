#include "services/catalog/partition_spec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/testing/status_matchers.h"

namespace tarn::catalog {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST(PartitionSpecTest, EveryTransformReadsBackFromItsText) {
  for (const char* text :
       {"identity", "year", "month", "day", "hour", "bucket[16]", "truncate[4]"}) {
    ASSERT_OK_AND_ASSIGN(const Transform transform, ParseTransform(text));
    EXPECT_EQ(FormatTransform(transform), text);
  }
  ASSERT_OK_AND_ASSIGN(const Transform none, ParseTransform(""));
  EXPECT_EQ(none.kind, TransformKind::kIdentity);
}

TEST(PartitionSpecTest, WhatIsNoTransformIsRefused) {
  for (const char* text : {"week", "bucket", "bucket[0]", "bucket[x]", "day[1]", "truncate[4"}) {
    EXPECT_THAT(ParseTransform(text),
                StatusIs(absl::StatusCode::kInvalidArgument, "INVALID_TRANSFORM"))
        << text;
  }
}

TEST(PartitionSpecTest, TransformsMustFitTheirColumns) {
  const std::vector<Field> columns = {{.name = "ts", .type = {TypeKind::kTimestamp}},
                                      {.name = "d", .type = {TypeKind::kDate}},
                                      {.name = "x", .type = {TypeKind::kDouble}}};
  std::vector<PartitionField> spec = {{"ts", {TransformKind::kHour}, ""},
                                      {"d", {TransformKind::kMonth}, ""}};
  NamePartitionFields(spec);
  EXPECT_EQ(spec[0].name, "ts_hour");
  std::vector<FieldViolation> violations;
  ValidatePartitionFields("p", spec, columns, violations);
  EXPECT_THAT(violations, IsEmpty());

  spec = {{"d", {TransformKind::kHour}, "a"},
          {"x", {TransformKind::kBucket, 4}, "b"},
          {"missing", {}, "c"},
          {"ts", {TransformKind::kDay}, "d"}};
  ValidatePartitionFields("p", spec, columns, violations);
  EXPECT_THAT(violations, SizeIs(4));
}

}  // namespace
}  // namespace tarn::catalog

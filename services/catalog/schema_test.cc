#include "services/catalog/schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/testing/status_matchers.h"

namespace tarn::catalog {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

Field Column(const std::string& name, TypeKind kind, std::vector<Field> parts = {}) {
  return {.name = name, .type = {kind}, .fields = std::move(parts)};
}

TEST(SchemaTest, IdsAreGivenDepthFirstWithAFieldBeforeItsParts) {
  std::vector<Field> fields = {
      Column("a", TypeKind::kLong),
      Column("s", TypeKind::kStruct, {Column("x", TypeKind::kLong), Column("y", TypeKind::kLong)}),
      Column("l", TypeKind::kList, {Column("element", TypeKind::kString)})};
  EXPECT_EQ(AssignFieldIds(fields, 0), 6);
  EXPECT_EQ(fields[1].id, 2);
  EXPECT_EQ(fields[1].fields[1].id, 4);
  EXPECT_EQ(fields[2].fields[0].id, 6);
}

TEST(SchemaTest, AnIdThatWasDroppedIsNeverGivenAgain) {
  std::vector<Field> fields = {Column("a", TypeKind::kLong), Column("b", TypeKind::kLong)};
  int last = AssignFieldIds(fields, 0);
  ASSERT_OK_AND_ASSIGN(const SchemaChange dropped, ReplaceColumns(fields, last, {fields[0]}));
  ASSERT_OK_AND_ASSIGN(const SchemaChange added,
                       ReplaceColumns(dropped.fields, dropped.last_field_id,
                                      {fields[0], Column("b", TypeKind::kLong)}));
  EXPECT_EQ(added.fields[1].id, 3);
}

TEST(SchemaTest, ARenameByIdKeepsTheColumn) {
  std::vector<Field> fields = {Column("a", TypeKind::kInt)};
  AssignFieldIds(fields, 0);
  Field renamed = Column("b", TypeKind::kLong);
  renamed.id = 1;
  ASSERT_OK_AND_ASSIGN(const SchemaChange change, ReplaceColumns(fields, 1, {renamed}));
  EXPECT_EQ(change.fields[0].id, 1);
  EXPECT_EQ(change.last_field_id, 1);
}

TEST(SchemaTest, AColumnThatBecameDoubleSaysThatFilesHoldANarrowerType) {
  std::vector<Field> fields = {Column("f", TypeKind::kFloat), Column("i", TypeKind::kInt)};
  AssignFieldIds(fields, 0);
  ASSERT_OK_AND_ASSIGN(
      const SchemaChange wider,
      ReplaceColumns(fields, 2, {Column("f", TypeKind::kDouble), Column("i", TypeKind::kLong)}));
  EXPECT_TRUE(wider.fields[0].widened);
  EXPECT_FALSE(wider.fields[1].widened);
  // Nobody can take that back.
  ASSERT_OK_AND_ASSIGN(const SchemaChange again,
                       ReplaceColumns(wider.fields, 2, {Column("f", TypeKind::kDouble)}));
  EXPECT_TRUE(again.fields[0].widened);
}

TEST(SchemaTest, ATypeThatDoesNotWidenIsRefusedWithItsColumn) {
  std::vector<Field> fields = {Column("a", TypeKind::kLong)};
  AssignFieldIds(fields, 0);
  EXPECT_THAT(
      ReplaceColumns(fields, 1, {Column("a", TypeKind::kString)}),
      StatusIs(absl::StatusCode::kInvalidArgument, "INCOMPATIBLE_SCHEMA", HasSubstr("column a")));
  EXPECT_OK(ReplaceColumns(fields, 1, {Column("a", TypeKind::kString)}, TypeChange::kAny));
}

TEST(SchemaTest, EveryFaultOfASchemaIsReported) {
  std::vector<FieldViolation> violations;
  ValidateFields(
      "f",
      {Column("", TypeKind::kLong), Column("a", TypeKind::kLong), Column("A", TypeKind::kLong),
       Column("l", TypeKind::kList), Column("s", TypeKind::kStruct),
       Column("n", TypeKind::kLong, {Column("x", TypeKind::kLong)})},
      violations);
  EXPECT_THAT(violations, SizeIs(5));
  EXPECT_EQ(violations[1].field, "f[2].name");
}

}  // namespace
}  // namespace tarn::catalog

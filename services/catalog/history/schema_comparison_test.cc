#include "services/catalog/history/schema_comparison.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tarn::catalog {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

using Kind = FieldChangeKind;

Field Column(int id, const std::string& name, TypeKind type = TypeKind::kLong,
             std::vector<Field> fields = {}) {
  return {.id = id, .name = name, .type = {type}, .fields = std::move(fields)};
}

std::vector<FieldChange> ById(const std::vector<Field>& before, const std::vector<Field>& after) {
  return CompareFields(before, after, MatchBy::kId);
}

TEST(SchemaComparisonTest, TheSameSchemaHasNoChanges) {
  const std::vector<Field> fields = {Column(1, "a"), Column(2, "b")};
  EXPECT_THAT(ById(fields, fields), IsEmpty());
}

TEST(SchemaComparisonTest, FieldsAreAddedAndDropped) {
  EXPECT_THAT(
      ById({Column(1, "a"), Column(2, "b")}, {Column(1, "a"), Column(3, "c", TypeKind::kString)}),
      ElementsAre(FieldChange{Kind::kAdded, "c", 3, "", "string"},
                  FieldChange{Kind::kDropped, "b", 2, "long", ""}));
}

TEST(SchemaComparisonTest, AFieldIsKnownByItsId) {
  // A column dropped and made again is another one.
  EXPECT_THAT(ById({Column(1, "a")}, {Column(2, "a")}),
              ElementsAre(FieldChange{Kind::kAdded, "a", 2, "", "long"},
                          FieldChange{Kind::kDropped, "a", 1, "long", ""}));
  EXPECT_THAT(ById({Column(1, "a")}, {Column(1, "b")}),
              ElementsAre(FieldChange{Kind::kRenamed, "b", 1, "a", "b"}));
}

TEST(SchemaComparisonTest, AReplacedTablesFieldsAreComparedByName) {
  EXPECT_THAT(CompareFields({Column(1, "a"), Column(2, "b")},
                            {Column(1, "b"), Column(2, "A", TypeKind::kString)}, MatchBy::kName),
              ElementsAre(FieldChange{Kind::kMoved, "b", 1, "2", "1"},
                          FieldChange{Kind::kRenamed, "A", 2, "a", "A"},
                          FieldChange{Kind::kRetyped, "A", 2, "long", "string"}));
}

TEST(SchemaComparisonTest, TypesWidenOrBecomeOthers) {
  Field learnt = Column(2, "b", TypeKind::kDouble);
  learnt.widened = true;
  EXPECT_THAT(ById({Column(1, "a", TypeKind::kInt), Column(2, "b"), Column(3, "c")},
                   {Column(1, "a"), learnt, Column(3, "c", TypeKind::kString)}),
              ElementsAre(FieldChange{Kind::kWidened, "a", 1, "int", "long"},
                          FieldChange{Kind::kWidened, "b", 2, "long", "double"},
                          FieldChange{Kind::kRetyped, "c", 3, "long", "string"}));
}

TEST(SchemaComparisonTest, CommentsAndRequirednessAreChangesOfTheirOwn) {
  Field before = Column(1, "a");
  before.required = true;
  before.doc = "old";
  Field after = Column(1, "a");
  after.doc = "new";
  EXPECT_THAT(ById({before}, {after}),
              ElementsAre(FieldChange{Kind::kRequiredness, "a", 1, "required", "optional"},
                          FieldChange{Kind::kDocumented, "a", 1, "old", "new"}));
}

TEST(SchemaComparisonTest, OneThatMovedIsOneChange) {
  EXPECT_THAT(ById({Column(1, "a"), Column(2, "b"), Column(3, "c"), Column(4, "d")},
                   {Column(4, "d"), Column(1, "a"), Column(2, "b"), Column(3, "c")}),
              ElementsAre(FieldChange{Kind::kMoved, "d", 4, "4", "1"}));
  // What is added or dropped before it moves nothing.
  EXPECT_THAT(ById({Column(1, "a"), Column(2, "b")}, {Column(3, "x"), Column(2, "b")}),
              ElementsAre(FieldChange{Kind::kAdded, "x", 3, "", "long"},
                          FieldChange{Kind::kDropped, "a", 1, "long", ""}));
}

TEST(SchemaComparisonTest, FieldsInsideOthersHaveDottedNames) {
  const auto of = [](std::vector<Field> parts) {
    return std::vector<Field>{Column(1, "list", TypeKind::kList,
                                     {Column(2, "element", TypeKind::kStruct, std::move(parts))})};
  };
  EXPECT_THAT(ById(of({Column(3, "x", TypeKind::kInt)}), of({Column(3, "x"), Column(4, "y")})),
              ElementsAre(FieldChange{Kind::kWidened, "list.element.x", 3, "int", "long"},
                          FieldChange{Kind::kAdded, "list.element.y", 4, "", "long"}));
}

}  // namespace
}  // namespace tarn::catalog

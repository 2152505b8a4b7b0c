#include "services/catalog/schema_evolution.h"

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

// s (1) struct<n (2) long>, l (3) list<element (4) struct<n (5) int>>,
// m (6) map<key (7) struct<k (8) string>, value (9) struct<d (10) decimal(5,2)>>.
std::vector<Field> Nested() {
  std::vector<Field> fields = {
      Column("s", TypeKind::kStruct, {Column("n", TypeKind::kLong)}),
      Column("l", TypeKind::kList,
             {Column("element", TypeKind::kStruct, {Column("n", TypeKind::kInt)})}),
      Column("m", TypeKind::kMap,
             {Column("key", TypeKind::kStruct, {Column("k", TypeKind::kString)}),
              Column("value", TypeKind::kStruct, {Column("d", TypeKind::kDecimal)})})};
  fields[2].fields[1].fields[0].type = {TypeKind::kDecimal, 5, 2};
  AssignFieldIds(fields, 0);
  return fields;
}
constexpr int kLastId = 10;

TEST(SchemaEvolutionTest, AddedColumnsAreIdempotentForConcurrentWriters) {
  std::vector<Field> fields = {Column("a", TypeKind::kLong)};
  AssignFieldIds(fields, 0);
  Field x = Column("x", TypeKind::kString);
  x.id = 2;
  ASSERT_OK_AND_ASSIGN(const EvolvedSchema first, Evolve(fields, 1, {.columns = {x}}));
  EXPECT_EQ(first.change.last_field_id, 2);
  ASSERT_OK_AND_ASSIGN(const EvolvedSchema second,
                       Evolve(first.change.fields, 2, {.columns = {x}}));
  EXPECT_FALSE(second.change.changed);
  Field other = Column("y", TypeKind::kString);
  other.id = 2;
  EXPECT_THAT(Evolve(first.change.fields, 2, {.columns = {other}}),
              StatusIs(absl::StatusCode::kAborted, "SCHEMA_CHANGED"));
  x.type = {TypeKind::kLong};
  EXPECT_THAT(Evolve(first.change.fields, 2, {.columns = {x}}),
              StatusIs(absl::StatusCode::kAborted, "SCHEMA_CHANGED"));
}

TEST(SchemaEvolutionTest, FieldsAreAddedInsideStructsListsAndMaps) {
  const Field x = Column("x", TypeKind::kString);
  const SchemaEvolution evolution{.fields = {{1, x}, {4, x}, {9, x}}};
  ASSERT_OK_AND_ASSIGN(const EvolvedSchema evolved, Evolve(Nested(), kLastId, evolution));
  const std::vector<Field>& fields = evolved.change.fields;
  EXPECT_EQ(fields[0].fields[1].name, "x");
  EXPECT_EQ(fields[0].fields[1].id, 11);
  EXPECT_EQ(fields[1].fields[0].fields[1].id, 12);
  EXPECT_EQ(fields[2].fields[1].fields[1].id, 13);
  EXPECT_EQ(evolved.change.last_field_id, 13);
  ASSERT_OK_AND_ASSIGN(const EvolvedSchema again, Evolve(fields, 13, evolution));
  EXPECT_FALSE(again.change.changed);
}

TEST(SchemaEvolutionTest, AParentThatIsNoStructOrPartOfAKeyIsRefused) {
  for (const int parent : {2, 3, 7, 6, 99}) {
    EXPECT_THAT(
        Evolve(Nested(), kLastId, {.fields = {{parent, Column("x", TypeKind::kString)}}}).status(),
        StatusIs(absl::StatusCode::kAborted, "SCHEMA_CHANGED"))
        << parent;
  }
}

TEST(SchemaEvolutionTest, TypesWidenAtEveryDepthAndNeverTheOtherWay) {
  ASSERT_OK_AND_ASSIGN(const EvolvedSchema evolved,
                       Evolve(Nested(), kLastId,
                              {.widened = {{2, {TypeKind::kDouble}},
                                           {5, {TypeKind::kDouble}},
                                           {10, {TypeKind::kDecimal, 9, 2}}}}));
  // Every int is a double; of a long the values must be looked at.
  ASSERT_THAT(evolved.integers_to_double, SizeIs(1));
  EXPECT_EQ(evolved.integers_to_double[0].field_id, 2);
  EXPECT_EQ(evolved.integers_to_double[0].path, "s.n");
  EXPECT_TRUE(evolved.integers_to_double[0].nested);
  EXPECT_EQ(evolved.change.fields[1].fields[0].fields[0].type.kind, TypeKind::kDouble);
  EXPECT_EQ(evolved.change.fields[2].fields[1].fields[0].type.precision, 9);
  EXPECT_THAT(
      Evolve(evolved.change.fields, kLastId, {.widened = {{2, {TypeKind::kLong}}}}).status(),
      StatusIs(absl::StatusCode::kAborted, "SCHEMA_CHANGED", HasSubstr("s.n")));
  EXPECT_THAT(Evolve(Nested(), kLastId, {.widened = {{99, {TypeKind::kLong}}}}).status(),
              StatusIs(absl::StatusCode::kAborted, "SCHEMA_CHANGED"));
}

TEST(SchemaEvolutionTest, FilesOfAnOlderSchemaAreReadUntilAColumnOfTheirsIsGoneOrBent) {
  const std::vector<Field> old = Nested();
  ASSERT_OK_AND_ASSIGN(const EvolvedSchema wider,
                       Evolve(old, kLastId,
                              {.columns = {Column("z", TypeKind::kLong)},
                               .fields = {{4, Column("x", TypeKind::kString)}},
                               .widened = {{5, {TypeKind::kLong}}}}));
  EXPECT_TRUE(StillReads(old, wider.change.fields));
  EXPECT_FALSE(StillReads(wider.change.fields, old));
  ASSERT_OK_AND_ASSIGN(const EvolvedSchema bent,
                       Evolve(old, kLastId, {.widened = {{2, {TypeKind::kDouble}}}}));
  EXPECT_FALSE(StillReads(old, bent.change.fields));
}

}  // namespace
}  // namespace tarn::catalog

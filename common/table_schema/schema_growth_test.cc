#include "common/table_schema/schema_growth.h"

#include <gtest/gtest.h>

namespace tarn::table_schema {
namespace {

Field MakeField(int id, const std::string& name, const std::string& type,
                std::vector<Field> parts = {}) {
  Field field;
  field.set_id(id);
  field.set_name(name);
  field.set_type(type);
  for (Field& part : parts) *field.add_fields() = std::move(part);
  return field;
}

TEST(SchemaGrowthTest, NamesNewColumnsNewFieldsByTheirParentAndWiderTypes) {
  Fields before;
  *before.Add() = MakeField(1, "n", "long");
  *before.Add() =
      MakeField(2, "l", "list", {MakeField(3, "element", "struct", {MakeField(4, "x", "long")})});
  const SchemaGrowth none = GrowthBetween(before, before);
  EXPECT_EQ(none.added_columns.size() + none.added_fields.size() + none.widened_fields.size(), 0);

  Fields after = before;
  after[0].set_type("double");
  auto* element = after[1].mutable_fields(0);
  element->mutable_fields(0)->set_type("double");
  *element->add_fields() = MakeField(6, "y", "struct", {MakeField(7, "z", "string")});
  *after.Add() = MakeField(5, "new", "struct", {MakeField(8, "x", "string")});
  EXPECT_EQ(LargestFieldId(after), 8);
  const SchemaGrowth growth = GrowthBetween(before, after);
  ASSERT_EQ(growth.added_columns.size(), 1);
  EXPECT_EQ(growth.added_columns[0].id(), 5);
  ASSERT_EQ(growth.added_fields.size(), 1);
  EXPECT_EQ(growth.added_fields[0].parent_id(), 3);
  EXPECT_EQ(growth.added_fields[0].field().id(), 6);
  ASSERT_EQ(growth.widened_fields.size(), 2);
  EXPECT_EQ(growth.widened_fields[0].field_id(), 1);
  EXPECT_EQ(growth.widened_fields[1].field_id(), 4);
  EXPECT_EQ(growth.widened_fields[1].type(), "double");
}

}  // namespace
}  // namespace tarn::table_schema

#include "common/table_schema/engine_types.h"

#include <gtest/gtest.h>

#include "common/status/error.h"

namespace tarn::table_schema {
namespace {

using duckdb::LogicalType;
using duckdb::TypeKind;

LogicalType Plain(TypeKind kind) {
  LogicalType type;
  type.kind = kind;
  return type;
}

LogicalType StructOf(std::vector<std::pair<std::string, LogicalType>> fields) {
  LogicalType type = Plain(TypeKind::kStruct);
  for (auto& [name, child] : fields) {
    type.child_names.push_back(name);
    type.children.push_back(child);
  }
  return type;
}

TEST(EngineTypesTest, MapsNestedTypesBothWays) {
  LogicalType list = Plain(TypeKind::kList);
  list.children = {Plain(TypeKind::kVarchar)};
  auto field =
      FieldFromEngine("data", StructOf({{"co", Plain(TypeKind::kDouble)}, {"tags", list}}));
  ASSERT_TRUE(field.ok()) << field.status();
  EXPECT_EQ(DisplayTypeOf(*field), "struct<co: double, tags: list<string>>");
  EXPECT_EQ(EngineTypeOf(*field), "STRUCT(\"co\" DOUBLE, \"tags\" VARCHAR[])");
}

TEST(EngineTypesTest, WidensWhatTheCatalogDoesNotHave) {
  EXPECT_EQ(FieldFromEngine("x", Plain(TypeKind::kHugeInt))->type(), "decimal(38,0)");
  EXPECT_EQ(FieldFromEngine("x", Plain(TypeKind::kUInteger))->type(), "long");
  EXPECT_EQ(FieldFromEngine("x", Plain(TypeKind::kUBigInt))->type(), "decimal(20,0)");
}

TEST(EngineTypesTest, RefusesWhatNothingHoldsExactly) {
  for (TypeKind kind :
       {TypeKind::kInterval, TypeKind::kTimestampNs, TypeKind::kTimeTz, TypeKind::kBit}) {
    absl::Status status = FieldFromEngine("x", Plain(kind)).status();
    EXPECT_EQ(ErrorReason(status), "TYPE_NOT_SUPPORTED") << TypeKindName(kind);
  }
}

TEST(EngineTypesTest, GivesIdsToParentsBeforeChildrenAndKeepsThoseThatAreThere) {
  Fields fields;
  *fields.Add() = *FieldFromEngine("s", StructOf({{"x", Plain(TypeKind::kBigInt)}}));
  *fields.Add() = *FieldFromEngine("y", Plain(TypeKind::kDate));
  EXPECT_EQ(AssignFieldIds(fields, 0), 3);
  EXPECT_EQ(FieldIdsSpec(fields), "{'s': {__duckdb_field_id: 1, 'x': 3}, 'y': 2}");
  *fields.Add() = *FieldFromEngine("z", Plain(TypeKind::kDate));
  EXPECT_EQ(AssignFieldIds(fields, 3), 4);
  EXPECT_EQ(fields[0].id(), 1);
  EXPECT_EQ(fields[2].id(), 4);
  EXPECT_EQ(ReadSchemaSpec(fields),
            "MAP {1: {name: 's', type: 'STRUCT(\"x\" BIGINT)', default_value: NULL}, 2: {name: "
            "'y', type: 'DATE', "
            "default_value: NULL}, 4: {name: 'z', type: 'DATE', default_value: NULL}}");
}

}  // namespace
}  // namespace tarn::table_schema

#include "services/catalog/table_proto.h"

#include <gtest/gtest.h>

#include "tarn/catalog/v1/table.pb.h"

#include "common/testing/status_matchers.h"

namespace tarn::catalog {
namespace {

Table FullTable() {
  Table table{.key = {"default", "d", "t"},
              .uid = "0190a6f0-0000-7000-8000-000000000001",
              .type = TableType::kExternal,
              .comment = "c",
              .properties = {{"k", "v"}}};
  table.definition.schema.schema_id = 3;
  table.definition.schema.fields = {
      {.id = 1,
       .name = "s",
       .type = {TypeKind::kStruct},
       .learnt = true,
       .widened = true,
       .doc = "nested",
       .fields = {{.id = 2, .name = "x", .type = {TypeKind::kDecimal, 10, 2}, .required = true}}}};
  table.definition.partition_fields = {{"dt", {TransformKind::kBucket, 8}, "dt_bucket"}};
  table.definition.sort_fields = {{"s", true}};
  table.definition.external =
      ExternalSource{"d/t", FileFormat::kCsv, CsvOptions{";", "'", "\\", true, "NA"}, ""};
  return table;
}

TEST(TableProtoTest, ATableReadsBackFromItsProto) {
  const Table table = FullTable();
  v1::Table proto;
  ToProto(table, &proto);
  ASSERT_OK_AND_ASSIGN(const Table back, TableFromProto(proto, "default"));
  EXPECT_EQ(back.key, table.key);
  EXPECT_EQ(back.uid, table.uid);
  EXPECT_EQ(back.definition, table.definition);
  EXPECT_EQ(back.properties, table.properties);
}

TEST(TableProtoTest, ADefinitionReadsBackFromItsJson) {
  const TableDefinition definition = FullTable().definition;
  ASSERT_OK_AND_ASSIGN(const TableDefinition back,
                       DefinitionFromJson(DefinitionToJson(definition)));
  EXPECT_EQ(back, definition);
}

TEST(TableProtoTest, BadTypesAndTransformsAreReportedTogether) {
  v1::Table proto;
  ToProto(FullTable(), &proto);
  proto.mutable_schema()->mutable_fields(0)->mutable_fields(0)->set_type("varchar");
  proto.mutable_partition_fields(0)->set_transform("week");
  const absl::Status status = TableFromProto(proto, "default").status();
  EXPECT_EQ(FieldViolationsOf(status).size(), 2u);
  EXPECT_EQ(FieldViolationsOf(status)[0].field, "table.schema.fields[0].fields[0].type");
}

}  // namespace
}  // namespace tarn::catalog

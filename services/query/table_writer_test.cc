#include "services/query/table_writer.h"

#include <gtest/gtest.h>

#include "common/testing/status_matchers.h"
#include "services/query/worker/worker_protocol.pb.h"

namespace tarn::query {
namespace {

namespace catalog = ::tarn::catalog::v1;

catalog::Table TableWithSchema(int schema_id) {
  catalog::Table table;
  table.set_name("databases/d/tables/t");
  table.set_type(catalog::TABLE_TYPE_MANAGED);
  table.set_location("default/warehouse/d/t-1/data");
  table.mutable_schema()->set_schema_id(schema_id);
  catalog::Field* field = table.mutable_schema()->add_fields();
  field->set_id(1);
  field->set_name("a");
  field->set_type("long");
  return table;
}

worker::ResultSchema OneLong() {
  worker::ResultSchema schema;
  worker::ResultSchema::Column* column = schema.add_columns();
  column->set_name("a");
  column->mutable_field()->set_name("a");
  column->mutable_field()->set_type("long");
  return schema;
}

TEST(TableWriterTest, AnInsertNamesTheSchemaThatItsFilesFollow) {
  Statement statement;
  statement.kind = StatementKind::kInsert;
  statement.target.database = "d";
  statement.target.table = "t";
  ASSERT_OK_AND_ASSIGN(const TableWrite write, PlanWrite(statement, OneLong(), TableWithSchema(7)));
  const catalog::CommitTableRequest commit = CommitRequest(statement, write, {}, std::nullopt);
  EXPECT_TRUE(commit.has_schema_id());
  EXPECT_EQ(commit.schema_id(), 7);
}

TEST(TableWriterTest, AReplacementBringsASchemaOfItsOwn) {
  Statement statement;
  statement.kind = StatementKind::kCreateTableAs;
  statement.or_replace = true;
  statement.target.database = "d";
  statement.target.table = "t";
  ASSERT_OK_AND_ASSIGN(const TableWrite write, PlanWrite(statement, OneLong(), TableWithSchema(7)));
  const catalog::CommitTableRequest commit = CommitRequest(statement, write, {}, std::nullopt);
  EXPECT_FALSE(commit.has_schema_id());
  EXPECT_TRUE(commit.has_create_or_replace());
}

}  // namespace
}  // namespace tarn::query

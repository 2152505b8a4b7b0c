#include "services/query/table_writer.h"

#include <gmock/gmock.h>
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

TEST(TableWriterTest, AnOverwriteRemovesFilesOfThePartitionsThatItWroteByName) {
  Statement statement;
  statement.kind = StatementKind::kInsertOverwrite;
  statement.target.database = "d";
  statement.target.table = "t";
  catalog::Table table = TableWithSchema(1);
  table.add_partition_fields()->set_source("a");
  table.mutable_partition_fields(0)->set_name("a");
  ASSERT_OK_AND_ASSIGN(const TableWrite write, PlanWrite(statement, OneLong(), table));
  PlannedScan base;
  const auto add = [&](const std::string& path, const std::string& name, const char* value) {
    catalog::DataFile file;
    file.set_path(path);
    file.add_partition()->set_name(name);
    if (value != nullptr) file.mutable_partition(0)->set_value(value);
    base.files.push_back(file);
  };
  add("same", "a", "1");
  add("another value", "a", "2");
  add("another field", "b", "1");
  add("null", "a", nullptr);
  worker::Done done;
  worker::WrittenFile* written = done.add_files();
  written->set_path("a=1/x.parquet");
  written->add_partition()->set_name("a");
  written->mutable_partition(0)->set_value("1");
  const catalog::CommitTableRequest commit = CommitRequest(statement, write, done, base);
  EXPECT_THAT(commit.removed_paths(), ::testing::ElementsAre("same"));
  ASSERT_EQ(commit.conflict_filter().partitions_size(), 1);
}

TEST(TableWriterTest, SystemColumnsAreMatchedByNameAndOthersByPosition) {
  Statement statement;
  statement.kind = StatementKind::kInsert;
  catalog::Table table = TableWithSchema(1);
  catalog::Field* system = table.mutable_schema()->add_fields();
  system->set_id(2);
  system->set_name("_committed_at");
  system->set_type("timestamptz");
  ASSERT_OK_AND_ASSIGN(TableWrite write, PlanWrite(statement, OneLong(), table));
  EXPECT_THAT(write.sources, ::testing::ElementsAre("a", ""));
  worker::ResultSchema both = OneLong();
  worker::ResultSchema::Column* named = both.add_columns();
  named->set_name("_committed_at");
  *named->mutable_field() = *system;
  ASSERT_OK_AND_ASSIGN(write, PlanWrite(statement, both, table));
  EXPECT_THAT(write.sources, ::testing::ElementsAre("a", "_committed_at"));
  // Of another type the name is that of an ordinary column.
  table.mutable_schema()->mutable_fields(1)->set_type("long");
  EXPECT_THAT(PlanWrite(statement, OneLong(), table),
              StatusIs(absl::StatusCode::kInvalidArgument, "COLUMN_MISMATCH"));
}

}  // namespace
}  // namespace tarn::query

#include "services/transform/step_statement.h"

#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include "tarn/query/v1/query_service.pb.h"
#include "tarn/transform/v1/pipeline.pb.h"

#include "common/testing/status_matchers.h"

namespace tarn::transform {
namespace {

v1::Step StepOf(const char* text) {
  v1::Step step;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &step));
  return step;
}

TEST(StepStatementTest, ATableIsReplacedByDefault) {
  v1::Step step = StepOf(R"pb(sql {
                                table: "d.t"
                                partition_by: [ "dt", "day(ts)" ]
                                sql: "SELECT 1;"
                              })pb");
  EXPECT_THAT(
      BuildStatementText(step, true),
      IsOkAndHolds("CREATE OR REPLACE TABLE d.t PARTITIONED BY (dt, day(ts)) AS\nSELECT 1"));
}

TEST(StepStatementTest, RowsAreInserted) {
  v1::Step step = StepOf(R"(sql { table: "d.t" mode: WRITE_MODE_INSERT sql: "SELECT 1" })");
  EXPECT_THAT(BuildStatementText(step, true), IsOkAndHolds("INSERT INTO d.t\nSELECT 1"));
  EXPECT_FALSE(NeedsTableLookup(step.sql()));
}

TEST(StepStatementTest, OverwritingPartitionsMakesATableThatIsNotThere) {
  v1::Step step = StepOf(R"(sql { table: "d.t" mode: WRITE_MODE_OVERWRITE_PARTITIONS
                                  partition_by: "dt" sql: "WITH x AS (SELECT 1) FROM x" })");
  EXPECT_TRUE(NeedsTableLookup(step.sql()));
  EXPECT_THAT(BuildStatementText(step, true),
              IsOkAndHolds("INSERT OVERWRITE d.t\nWITH x AS (SELECT 1) FROM x"));
  EXPECT_THAT(BuildStatementText(step, false),
              IsOkAndHolds("CREATE TABLE d.t PARTITIONED BY (dt) AS\nWITH x AS (SELECT 1) FROM x"));
}

TEST(StepStatementTest, WithoutATableTheStatementIsItself) {
  EXPECT_THAT(BuildStatementText(StepOf(R"(sql { sql: "DROP TABLE d.t" })"), true),
              IsOkAndHolds("DROP TABLE d.t"));
}

TEST(StepStatementTest, OnlyParametersThatAreNamedAreSent) {
  v1::Pipeline pipeline;
  pipeline.add_parameters()->set_name("home");
  pipeline.add_parameters()->set_name("other");
  v1::Step step = StepOf(R"(id: "e" export { sql: "SELECT ${home}" format: "csv" file_name: "f.csv"
                                             default_database: "d" })");
  ASSERT_OK_AND_ASSIGN(std::string text, BuildStatementText(step, true));
  ASSERT_OK_AND_ASSIGN(query::v1::Statement statement,
                       BuildStatement(pipeline, step, text, {{"home", "x"}, {"other", "y"}},
                                      "pipelines/p/runs/r/e"));
  EXPECT_EQ(statement.sql(), "SELECT $home");
  ASSERT_EQ(statement.parameters().size(), 1u);
  EXPECT_EQ(statement.parameters().at("home").string_value(), "x");
  EXPECT_EQ(statement.default_database(), "d");
  EXPECT_EQ(statement.source(), "pipelines/p/runs/r/e");
  EXPECT_EQ(statement.export_().format(), "csv");
  EXPECT_EQ(statement.export_().file_name(), "f.csv");
}

TEST(StepStatementTest, PartitionsAreColumnsOrTransforms) {
  for (const char* good : {"dt", "day(ts)", "HOUR( ts )", "truncate(name, 4)", "bucket(16, id)",
                           "\"my column\"", "year(\"a b\")"}) {
    EXPECT_TRUE(IsPartitionTransform(good)) << good;
  }
  for (const char* bad : {"", "1", "a b", "day()", "week(ts)", "day(ts", "a) AS SELECT 1 --",
                          "truncate(name)", "day(ts, 1)"}) {
    EXPECT_FALSE(IsPartitionTransform(bad)) << bad;
  }
}

}  // namespace
}  // namespace tarn::transform

#include "services/query/sql/statement.h"

#include <gtest/gtest.h>

#include "common/status/error.h"

namespace tarn::query {
namespace {

TEST(StatementTest, ASelectIsTakenAsItStands) {
  auto statement = ParseStatement("-- a comment\n SELECT 'a;b', \";\" FROM x.y ; ");
  ASSERT_TRUE(statement.ok()) << statement.status();
  EXPECT_EQ(statement->kind, StatementKind::kSelect);
  EXPECT_EQ(statement->query, "SELECT 'a;b', \";\" FROM x.y ");
}

TEST(StatementTest, CreateTableAsGivesNamePartitionsAndQuery) {
  auto statement = ParseStatement(
      "create or replace table Smart_Hub.usage partitioned by (dt, day(ts_utc), truncate(4, "
      "loc_id)) as\nselect 1");
  ASSERT_TRUE(statement.ok()) << statement.status();
  EXPECT_EQ(statement->kind, StatementKind::kCreateTableAs);
  EXPECT_TRUE(statement->or_replace);
  EXPECT_EQ(statement->target.database, "smart_hub");
  EXPECT_EQ(statement->target.table, "usage");
  ASSERT_EQ(statement->partitioned_by.size(), 3u);
  EXPECT_EQ(statement->partitioned_by[0].transform, "identity");
  EXPECT_EQ(statement->partitioned_by[1].transform, "day");
  EXPECT_EQ(statement->partitioned_by[2].transform, "truncate[4]");
  EXPECT_EQ(statement->partitioned_by[2].column, "loc_id");
  EXPECT_EQ(statement->query, "select 1");
}

TEST(StatementTest, CreateTableTakesTypesAsTheyStand) {
  auto statement = ParseStatement(
      "CREATE TABLE IF NOT EXISTS a.b (x DECIMAL(10, 2) NOT NULL, s STRUCT(a INTEGER, b "
      "VARCHAR[]), y DATE)"
      " PARTITIONED BY (y)");
  ASSERT_TRUE(statement.ok()) << statement.status();
  ASSERT_EQ(statement->columns.size(), 3u);
  EXPECT_EQ(statement->columns[0].sql_type, "DECIMAL(10, 2)");
  EXPECT_TRUE(statement->columns[0].required);
  EXPECT_EQ(statement->columns[1].sql_type, "STRUCT(a INTEGER, b VARCHAR[])");
  EXPECT_FALSE(statement->columns[1].required);
  EXPECT_TRUE(statement->if_exists);
}

TEST(StatementTest, InsertTellsColumnsFromAQueryInBrackets) {
  auto with_columns = ParseStatement("INSERT INTO a.b (x, \"Y z\") SELECT 1, 2");
  ASSERT_TRUE(with_columns.ok()) << with_columns.status();
  EXPECT_EQ(with_columns->insert_columns, (std::vector<std::string>{"x", "Y z"}));
  auto in_brackets = ParseStatement("INSERT OVERWRITE TABLE a.b (SELECT 1)");
  ASSERT_TRUE(in_brackets.ok()) << in_brackets.status();
  EXPECT_EQ(in_brackets->kind, StatementKind::kInsertOverwrite);
  EXPECT_TRUE(in_brackets->insert_columns.empty());
  EXPECT_EQ(in_brackets->query, "(SELECT 1)");
}

TEST(StatementTest, AnErrorSaysWhereAndWhatIsExpected) {
  absl::Status status = ParseStatement("CREATE TABLE a.b\nAS 5").status();
  EXPECT_EQ(ErrorReason(status), "SQL_ERROR");
  EXPECT_EQ(
      status.message(),
      "expected a query (SELECT, WITH, FROM or VALUES) at line 2, column 4, where '5' stands");
  EXPECT_EQ(ParseStatement("DROP TABLE").status().message(),
            "expected a table's name at line 1, column 11, where the statement ends");
  EXPECT_EQ(ErrorReason(ParseStatement("  -- nothing").status()), "SQL_ERROR");
}

TEST(StatementTest, AStatementThatIsNotOursIsNamed) {
  absl::Status status = ParseStatement("attach 'x'").status();
  EXPECT_EQ(ErrorReason(status), "STATEMENT_NOT_SUPPORTED");
  EXPECT_EQ(ErrorMetadataOf(status).at("statement"), "ATTACH");
}

TEST(StatementTest, DollarQuotesAndEscapesHideSemicolons) {
  EXPECT_TRUE(ParseStatement("SELECT $$;$$, $t$ ; $t$, E'\\';', $1").ok());
  EXPECT_FALSE(ParseStatement("SELECT 1 ; -- x\n SELECT 2").ok());
}

// Whatever bytes come, the front-end answers; nothing is read past the end.
TEST(StatementTest, AnyBytesGetAnAnswer) {
  const std::string alphabet = "SELECT CREATE TABLE ()'\"$;-/*\\E,.1?\n\0\xc3\xa9x";
  uint64_t state = 42;
  for (int round = 0; round < 20'000; ++round) {
    std::string sql;
    for (int i = 0; i < 40; ++i) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      sql.push_back(alphabet[(state >> 33) % alphabet.size()]);
    }
    (void)ParseStatement(sql);
  }
}

}  // namespace
}  // namespace tarn::query

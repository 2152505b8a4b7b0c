#include "services/transform/sql_template.h"

#include <gtest/gtest.h>

#include "common/testing/status_matchers.h"

namespace tarn::transform {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string Parsed(std::string_view sql) {
  absl::StatusOr<SqlTemplate> parsed = ParseSqlTemplate(sql);
  EXPECT_OK(parsed);
  return parsed.ok() ? parsed->sql : "";
}

TEST(SqlTemplateTest, AParameterBecomesABoundOne) {
  ASSERT_OK_AND_ASSIGN(SqlTemplate parsed,
                       ParseSqlTemplate("SELECT * FROM t WHERE (${home} = '' OR h = ${home}) AND d "
                                        "BETWEEN ${from_date} AND ${until}"));
  EXPECT_EQ(parsed.sql,
            "SELECT * FROM t WHERE ($home = '' OR h = $home) AND d BETWEEN $from_date AND $until");
  EXPECT_THAT(parsed.parameters, ElementsAre("from_date", "home", "until"));
}

TEST(SqlTemplateTest, AParameterInQuotesIsRefusedWithItsLine) {
  for (const char* sql : {"SELECT 1,\n '${home}'", "SELECT 1,\n E'it\\'s ${home}'",
                          "SELECT 1,\n \"${home}\"", "SELECT 1,\n $$ ${home} $$",
                          "SELECT 1,\n $x$ ${home} $x$", "SELECT 1,\n 'it''s ${home}'"}) {
    EXPECT_THAT(ParseSqlTemplate(sql),
                StatusIs(absl::StatusCode::kInvalidArgument, "PARAMETER_IN_QUOTES",
                         HasSubstr("line 2: ${home} stands inside quotes")))
        << sql;
  }
}

TEST(SqlTemplateTest, CommentsAreLeftAlone) {
  const char* sql = "SELECT 1 -- ${a} it's\n/* ${b} /* '${c}' */ */ + ${d}";
  ASSERT_OK_AND_ASSIGN(SqlTemplate parsed, ParseSqlTemplate(sql));
  EXPECT_EQ(parsed.sql, "SELECT 1 -- ${a} it's\n/* ${b} /* '${c}' */ */ + $d");
  EXPECT_THAT(parsed.parameters, ElementsAre("d"));
}

TEST(SqlTemplateTest, WhatIsNoParameterStaysAsItIs) {
  for (const char* sql :
       {"SELECT '$home', a$b$c, $1", "SELECT 'a''b', \"c\"\"d\", E'\\''", "SELECT {'a': 1}, '{}'",
        "SELECT 'no end", "SELECT /* no end", "SELECT '"}) {
    ASSERT_OK_AND_ASSIGN(SqlTemplate parsed, ParseSqlTemplate(sql));
    EXPECT_EQ(parsed.sql, sql);
    EXPECT_THAT(parsed.parameters, IsEmpty());
  }
}

TEST(SqlTemplateTest, AClosingSemicolonIsTakenAway) {
  EXPECT_EQ(Parsed("SELECT 1;"), "SELECT 1");
  EXPECT_EQ(Parsed("SELECT 1 ; -- done;\n"), "SELECT 1  -- done;\n");
  EXPECT_EQ(Parsed("SELECT ';'"), "SELECT ';'");
  EXPECT_EQ(Parsed("SELECT 1; SELECT 2"), "SELECT 1; SELECT 2");
}

TEST(SqlTemplateTest, AParameterDoesNotRunIntoItsNeighbours) {
  EXPECT_EQ(Parsed("SELECT a LIMIT${n}OFFSET${m}"), "SELECT a LIMIT $n OFFSET $m");
}

TEST(SqlTemplateTest, BracesWithoutANameAreRefused) {
  for (const char* sql :
       {"SELECT ${}", "SELECT ${a b}", "SELECT ${a", "SELECT ${1}", "SELECT ${"}) {
    EXPECT_THAT(ParseSqlTemplate(sql),
                StatusIs(absl::StatusCode::kInvalidArgument, "PARAMETER_INVALID"))
        << sql;
  }
}

TEST(FillTextTest, PutsValuesIntoAMessage) {
  EXPECT_THAT(FillText("${pipeline} is ${state}: ${home}$",
                       {{"pipeline", "pipelines/p"}, {"state", "FAILED"}, {"home", "${state}"}}),
              IsOkAndHolds("pipelines/p is FAILED: ${state}$"));
  EXPECT_THAT(FillText("${nope}", {}),
              StatusIs(absl::StatusCode::kInvalidArgument, "PARAMETER_UNKNOWN"));
}

}  // namespace
}  // namespace tarn::transform

#include "common/sql_expression/row_expression.h"

#include <gtest/gtest.h>

#include "common/sql_expression/allowed_functions.h"
#include "common/sql_expression/row_functions.h"
#include "common/testing/status_matchers.h"

namespace tarn::sql_expression {
namespace {

using duckdb::LogicalType;
using duckdb::TypeKind;
using ::testing::HasSubstr;

class RowExpressionTest : public ::testing::Test {
 protected:
  RowExpressionTest() : connection_(*duckdb::Database::Open({.threads = 1})->Connect()) {
    const LogicalType number{.kind = TypeKind::kDouble};
    const LogicalType text{.kind = TypeKind::kVarchar};
    LogicalType data{.kind = TypeKind::kStruct};
    data.children = {number, text};
    data.child_names = {"temp", "unit"};
    columns_ = {{"device", text}, {"temp", number}, {"data", data}, {"Odd name", text}};
  }

  absl::StatusOr<RowExpression> Compile(std::string_view text) {
    return CompileRowExpression(connection_, text, columns_);
  }
  void ExpectRefused(std::string_view text, std::string_view reason,
                     const std::string& message = "") {
    EXPECT_THAT(Compile(text), StatusIs(absl::StatusCode::kInvalidArgument, std::string(reason),
                                        HasSubstr(message)))
        << text;
  }

  duckdb::Connection connection_;
  std::vector<RowColumn> columns_;
};

TEST_F(RowExpressionTest, KnowsTheTypeAndTheColumnsOfAnExpression) {
  ASSERT_OK_AND_ASSIGN(RowExpression result, Compile("data.temp * 1.8 + 32"));
  EXPECT_EQ(result.type.kind, TypeKind::kDouble);
  EXPECT_EQ(result.columns, (std::vector<size_t>{2}));
  ASSERT_OK_AND_ASSIGN(result, Compile("DEVICE = 'x' AND \"odd NAME\" IS NULL -- why\n"));
  EXPECT_EQ(result.type.kind, TypeKind::kBoolean);
  EXPECT_EQ(result.columns, (std::vector<size_t>{0, 3}));
  EXPECT_THAT(result.sql, HasSubstr("\"Odd name\""));
}

TEST_F(RowExpressionTest, TakesTheUsualParts) {
  for (const char* text : {"CASE WHEN temp > 30 THEN 'hot' WHEN temp < 0 THEN 'cold' ELSE NULL END",
                           "temp BETWEEN 1 AND 2 OR device IN ('a', 'b') AND NOT device LIKE 'x%'",
                           "round(temp, 2)",
                           "CAST(device AS BIGINT)",
                           "try_cast(device AS DECIMAL(10, 2))",
                           "coalesce(temp, data.temp, 0)",
                           "upper(trim(device)) || '-' || substr(device, 1, 3)",
                           "{'a': temp, 'b': [device]}",
                           "device ->> '$.x'",
                           "regexp_extract(device, '([0-9]+)', 1)",
                           "date_trunc('hour', to_timestamp(temp))",
                           "to_timestamp(temp) AT TIME ZONE 'Europe/Berlin'",
                           "list_sum([temp, 1])",
                           "if(temp > 1, 1, 2)",
                           "temp IS DISTINCT FROM 3",
                           "device::JSON",
                           "extract(year FROM to_timestamp(temp))",
                           "to_timestamp(temp) + INTERVAL 1 DAY",
                           "try(sqrt(temp))",
                           "replace(device, 'a', 'b')",
                           "nullif(device, '')"}) {
    EXPECT_OK(Compile(text)) << text;
  }
}

TEST_F(RowExpressionTest, RefusesWhatSeesMoreThanOneRow) {
  ExpectRefused("(SELECT 1)", "SQL_ERROR", "look-up");
  ExpectRefused("temp IN (SELECT 1)", "SQL_ERROR");
  ExpectRefused("EXISTS (SELECT 1)", "SQL_ERROR");
  ExpectRefused("sum(temp)", "FUNCTION_NOT_ALLOWED");
  ExpectRefused("max(temp) FILTER (WHERE true)", "FUNCTION_NOT_ALLOWED");
  ExpectRefused("row_number() OVER ()", "SQL_ERROR");
  ExpectRefused("lag(temp) OVER (ORDER BY temp)", "SQL_ERROR");
  ExpectRefused("unnest([1, 2])", "FUNCTION_NOT_ALLOWED");
  ExpectRefused("*", "SQL_ERROR");
  ExpectRefused("COLUMNS('t')", "SQL_ERROR");
  ExpectRefused("#1", "SQL_ERROR");
  ExpectRefused("$x", "SQL_ERROR");
  ExpectRefused("grouping(temp)", "SQL_ERROR");
}

TEST_F(RowExpressionTest, RefusesMoreThanOneExpression) {
  for (const char* text :
       {"", "  ", "1) , (2", "1) FROM (SELECT 1", "1) WHERE (true", "1); SELECT (2",
        "1) UNION SELECT (2", "1) ORDER BY (1", "1) LIMIT (1", "1 AS x", "1;", "/*", "'x"}) {
    EXPECT_THAT(Compile(text), StatusIs(absl::StatusCode::kInvalidArgument, "SQL_ERROR")) << text;
  }
}

TEST_F(RowExpressionTest, RefusesWhatReachesOutside) {
  ExpectRefused("getenv('HOME')", "FUNCTION_NOT_ALLOWED");
  ExpectRefused("system.main.getenv('HOME')", "FUNCTION_NOT_ALLOWED");
  ExpectRefused("current_setting('threads')", "FUNCTION_NOT_ALLOWED");
  ExpectRefused("nextval('s')", "FUNCTION_NOT_ALLOWED");
  ExpectRefused("read_text('/etc/passwd')", "FUNCTION_NOT_ALLOWED");
  ExpectRefused("current_user", "COLUMN_NOT_FOUND");
}

TEST_F(RowExpressionTest, RefusesWhatDiffersFromOneTimeToTheNext) {
  for (const char* text : {"now()", "random()", "uuid()", "gen_random_uuid()", "today()",
                           "age(to_timestamp(temp))", "hash(device)"}) {
    ExpectRefused(text, "FUNCTION_NOT_ALLOWED");
  }
  ExpectRefused("current_timestamp", "COLUMN_NOT_FOUND");
  ExpectRefused("current_date", "COLUMN_NOT_FOUND");
}

TEST_F(RowExpressionTest, RefusesWhatGrowsBeyondItsRow) {
  for (const char* text :
       {"repeat(device, 1000000)", "lpad(device, 100000000, 'x')", "range(100000000)",
        "levenshtein(device, device)", "list_transform([1], x -> x)", "[x + 1 FOR x IN [1]]",
        "printf('%1000000000d', 1)", "format('{:1000000000d}', 1)", "list_resize([1], 1000000000)",
        "to_base(1, 2, 1000000000)", "bitstring('1', 1000000000)"}) {
    EXPECT_EQ(Compile(text).status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
  ExpectRefused("NULL::INTEGER[100000000]", "SQL_ERROR");
  std::string doubled = "device";
  for (int i = 0; i < 40; ++i) doubled += " || device";
  ExpectRefused(doubled, "EXPRESSION_TOO_LARGE");
  ExpectRefused("replace(device, 'a', '" + std::string(100, 'a') + "')", "EXPRESSION_TOO_LARGE");
  ExpectRefused("replace(device, 'a', device)", "SQL_ERROR", "literal");
  ExpectRefused("regexp_matches(device, device)", "SQL_ERROR", "literal");
  ExpectRefused("device LIKE '%a_%a%b'", "SQL_ERROR");
  ExpectRefused("device ILIKE '%a%a%b'", "SQL_ERROR");
  EXPECT_OK(Compile("device LIKE '%a%b%c%'"));
  ExpectRefused("device ->> '$..*'", "SQL_ERROR", "wildcards");
  std::string copied = "device";
  for (int i = 0; i < 40; ++i) copied = "nullif(" + copied + ", 'x')";
  EXPECT_EQ(Compile(copied).status().code(), absl::StatusCode::kInvalidArgument);
  ExpectRefused("CASE CASE CASE temp WHEN 1 THEN 1 END WHEN 1 THEN 1 END WHEN 1 THEN 1 END",
                "EXPRESSION_TOO_LARGE");
  ExpectRefused(std::string(5000, ' ') + "1", "EXPRESSION_TOO_LARGE");
}

TEST_F(RowExpressionTest, GrowthGoesOnFromWhatWasComputedBefore) {
  columns_[0].growth = 20;
  ExpectRefused("device || device", "EXPRESSION_TOO_LARGE");
  ASSERT_OK_AND_ASSIGN(RowExpression result, Compile("device || temp"));
  EXPECT_EQ(result.growth, 21);
}

TEST_F(RowExpressionTest, DeepNestingAndOddTextAreRefusedOnly) {
  EXPECT_OK(Compile(std::string(1500, '(') + "1" + std::string(1500, ')')));
  std::string deep = "temp";
  for (int i = 0; i < 700; ++i) deep = "-(" + deep + ")";
  EXPECT_EQ(Compile(deep).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Compile(std::string("1\0", 2)).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Compile("1e400").status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(RowExpressionTest, MistakesAreNamedWithAHint) {
  ExpectRefused("tempp + 1", "COLUMN_NOT_FOUND", "did you mean temp?");
  ExpectRefused("device + 1 +", "SQL_ERROR", "syntax error");
  ExpectRefused("data.nothing", "SQL_ERROR");
  ExpectRefused("upper(1, 2)", "SQL_ERROR");
  ExpectRefused("temp + device::DATE", "SQL_ERROR");
}

TEST_F(RowExpressionTest, EveryRowFunctionIsOneThatQueriesMayCall) {
  ASSERT_NE(FindRowFunction("round"), nullptr);
  for (const char* name : {"round", "upper", "->>", "+", "to_timestamp"}) {
    EXPECT_TRUE(IsAllowedFunction(name));
  }
  // What the engine itself calls other than constant is never on the list.
  const auto functions = connection_.Query(
      "SELECT DISTINCT function_name FROM duckdb_functions() WHERE function_type IN ('aggregate', "
      "'table', 'pragma', 'table_macro') OR stability <> 'CONSISTENT'");
  ASSERT_OK(functions);
  for (uint64_t row = 0; row < functions->row_count(); ++row) {
    const duckdb::Value value = functions->At(row, 0);
    EXPECT_EQ(FindRowFunction(*value.As<std::string>()), nullptr) << *value.As<std::string>();
  }
}

}  // namespace
}  // namespace tarn::sql_expression

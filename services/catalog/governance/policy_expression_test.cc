#include "services/catalog/governance/policy_expression.h"

#include <gtest/gtest.h>

#include "common/status/error.h"
#include "common/testing/status_matchers.h"

namespace tarn::catalog {
namespace {

using duckdb::TypeKind;

PolicyColumn Column(const std::string& name, TypeKind kind) {
  return {.name = name, .type = {.kind = kind}};
}

class PolicyExpressionTest : public ::testing::Test {
 protected:
  absl::StatusOr<CompiledExpression> Filter(const std::string& text, bool subqueries = true) {
    PolicyScope scope{.table = trades_, .principal = ada_, .find_table = nullptr};
    if (subqueries) {
      scope.find_table = [this](const names::TableId& id) -> absl::StatusOr<PolicyTable> {
        if (id == books_.id) return books_;
        return NotFound("TABLE_NOT_FOUND", names::SqlName(id) + " does not exist");
      };
    }
    return compiler_->CompileFilter(text, scope);
  }
  absl::StatusOr<CompiledExpression> Mask(const std::string& text, TypeKind kind) {
    return compiler_->CompileMask(text, {.kind = kind},
                                  {.table = trades_, .principal = ada_, .find_table = nullptr});
  }
  std::string ReasonOf(const std::string& text) { return ErrorReason(Filter(text).status()); }

  const PolicyTable trades_{{"desk", "trades"},
                            {Column("id", TypeKind::kBigInt), Column("book", TypeKind::kVarchar),
                             Column("amount", TypeKind::kDouble)}};
  const PolicyTable books_{
      {"ent", "books"}, {Column("person", TypeKind::kVarchar), Column("book", TypeKind::kVarchar)}};
  const auth::Caller ada_{.workspace = "default",
                          .user = "ad'a",
                          .groups = {"sales", "emea"},
                          .roles = {"viewer"},
                          .attributes = {{"region", "north"}}};
  duckdb::LazyDatabase engine_{PolicyEngineOptions()};
  absl::StatusOr<PolicyCompiler> compiler_ = PolicyCompiler::Open(engine_);
};

TEST_F(PolicyExpressionTest, WritesOutWhatItNeedsOfThePrincipal) {
  ASSERT_OK(compiler_);
  ASSERT_OK_AND_ASSIGN(CompiledExpression compiled, Filter("book = current_user"));
  EXPECT_EQ(compiled.sql, "((_row.book = 'ad''a'))");
  ASSERT_OK_AND_ASSIGN(compiled, Filter("in_group('sales') AND NOT in_group('hr')"));
  EXPECT_EQ(compiled.sql.find("in_group"), std::string::npos);
  ASSERT_OK_AND_ASSIGN(compiled, Filter("list_contains(current_groups(), book)"));
  EXPECT_NE(compiled.sql.find("'emea'"), std::string::npos) << compiled.sql;
  ASSERT_OK_AND_ASSIGN(compiled, Filter("TRADES.Book = current_attribute('region')"));
  EXPECT_EQ(compiled.sql, "((_row.book = 'north'))");
  ASSERT_OK_AND_ASSIGN(compiled, Filter("book = current_attribute('grade')"));
  EXPECT_NE(compiled.sql.find("NULL"), std::string::npos) << compiled.sql;
}

TEST_F(PolicyExpressionTest, NamesTheTablesOfItsSubqueries) {
  ASSERT_OK_AND_ASSIGN(CompiledExpression compiled,
                       Filter("book IN (SELECT book FROM ent.books WHERE person = current_user)"));
  ASSERT_EQ(compiled.sources.size(), 1u);
  EXPECT_EQ(names::SqlName(compiled.sources[0]), "ent.books");
  EXPECT_NE(compiled.sql.find("ent.books"), std::string::npos) << compiled.sql;
  ASSERT_OK(Filter("EXISTS (SELECT 1 FROM ent.books b WHERE b.book = trades.book)"));
  ASSERT_OK(Filter("EXISTS (SELECT 1 FROM ent.books WHERE ent.books.book = desk.trades.book)"));
  ASSERT_OK(Filter("amount > (SELECT count(*) FROM ent.books)"));
}

// A bare name in a subquery that is no column of its own tables would else be the row's.
TEST_F(PolicyExpressionTest, ABareNameInASubqueryIsNeverTheRows) {
  EXPECT_EQ(ReasonOf("EXISTS (SELECT 1 FROM ent.books WHERE person = current_user AND id = 1)"),
            "SQL_ERROR");
  EXPECT_EQ(ReasonOf("amount IN (SELECT amount FROM ent.books)"), "SQL_ERROR");
  EXPECT_EQ(ReasonOf("amount IN (SELECT _row.amount FROM ent.books)"), "SQL_ERROR");
  EXPECT_EQ(ReasonOf("EXISTS (SELECT 1 FROM ent.books _row WHERE trades.book = 'a')"), "SQL_ERROR");
  EXPECT_EQ(ReasonOf("EXISTS (SELECT 1 FROM ent.books trades WHERE trades.book = book)"),
            "SQL_ERROR");
}

TEST_F(PolicyExpressionTest, RefusesWhatIsNoConditionOnARow) {
  EXPECT_EQ(ReasonOf(""), "SQL_ERROR");
  EXPECT_EQ(ReasonOf("book"), "SQL_ERROR");
  EXPECT_EQ(ReasonOf("bok = 'a'"), "COLUMN_NOT_FOUND");
  EXPECT_EQ(ReasonOf("trades.bok = 'a'"), "COLUMN_NOT_FOUND");
  EXPECT_EQ(ReasonOf("count(*) > 1"), "SQL_ERROR");
  EXPECT_EQ(ReasonOf("row_number() OVER () > 1"), "SQL_ERROR");
  EXPECT_EQ(ReasonOf("amount > $1"), "SQL_ERROR");
  EXPECT_EQ(ReasonOf("#1 = 1"), "SQL_ERROR");
  EXPECT_EQ(ReasonOf("true) FROM range(3) WHERE (true"), "SQL_ERROR");
  EXPECT_EQ(ReasonOf("in_group(book)"), "SQL_ERROR");
  EXPECT_EQ(ReasonOf("book = getenv('HOME')"), "FUNCTION_NOT_ALLOWED");
  EXPECT_EQ(ReasonOf("book IN (SELECT content FROM read_text('/etc/passwd'))"),
            "FUNCTION_NOT_ALLOWED");
  EXPECT_EQ(ReasonOf("book IN (SELECT column0 FROM '/etc/passwd')"), "FUNCTION_NOT_ALLOWED");
  EXPECT_EQ(ReasonOf("book IN (SELECT book FROM books)"), "SQL_ERROR");
  EXPECT_EQ(ReasonOf("book IN (SELECT book FROM ent.boks)"), "TABLE_NOT_FOUND");
  EXPECT_EQ(ReasonOf("book IN (SELECT t.book FROM desk.trades t)"), "POLICY_CYCLE");
  EXPECT_EQ(ReasonOf("book IN (SELECT book FROM ent.books AT (VERSION => 3))"), "SQL_ERROR");
  EXPECT_THAT(Filter("book IN (SELECT 'a')", /*subqueries=*/false),
              StatusIs(absl::StatusCode::kInvalidArgument, "SQL_ERROR"));
}

TEST_F(PolicyExpressionTest, EvaluatesNothing) {
  EXPECT_OK(Filter("length(repeat('x', 1000000000000)) = 1"));
}

TEST_F(PolicyExpressionTest, AMaskGivesTheColumnsType) {
  ASSERT_OK_AND_ASSIGN(CompiledExpression mask, Mask("round(amount, -3)", TypeKind::kDouble));
  EXPECT_EQ(mask.sql, "(round(_row.amount, -3))");
  ASSERT_OK_AND_ASSIGN(mask, Mask("NULL", TypeKind::kDouble));
  EXPECT_EQ(mask.sql, "CAST((NULL) AS DOUBLE)");
  EXPECT_OK(Mask("id % 10", TypeKind::kVarchar));
  EXPECT_THAT(Mask("book", TypeKind::kDouble),
              StatusIs(absl::StatusCode::kInvalidArgument, "SQL_ERROR"));
  ASSERT_OK_AND_ASSIGN(const std::string constant,
                       compiler_->ConstantSql("it's", {.kind = TypeKind::kVarchar}));
  EXPECT_EQ(constant, "CAST('it''s' AS VARCHAR)");
  EXPECT_OK(compiler_->ConstantSql("2020-01-01", {.kind = TypeKind::kDate}));
  EXPECT_THAT(compiler_->ConstantSql("soon", {.kind = TypeKind::kDate}),
              StatusIs(absl::StatusCode::kInvalidArgument, "SQL_ERROR"));
}

}  // namespace
}  // namespace tarn::catalog

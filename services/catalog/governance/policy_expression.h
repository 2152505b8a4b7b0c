// The SQL expressions of row filters and column masks. They are written over one row of the
// governed table and may use of the caller
//
//   current_user                      the user
//   current_groups()                  a list of texts
//   in_group('sales')                 true or false
//   current_attribute('region')       a text, NULL without such an attribute
//
// and, in row filters, subqueries on other tables (database.table). A bare name in a subquery is
// always that of the subquery's own tables: a column of the row is written table.column there. So
// nothing becomes true by accident because two tables share a column's name, or lose it later.
//
// An expression is compiled for one principal against the columns as they are now: what it needs of
// the principal is written out as literals, columns of the row become "_row"."column", and it is
// planned with tables of no row. Nothing of it is evaluated. Functions are those that queries may
// call. Pure but for the connection.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/statusor.h>

#include "common/auth/caller.h"
#include "common/duckdb/database.h"
#include "common/duckdb/lazy_database.h"
#include "common/names/names.h"
#include "common/sql_expression/row_expression.h"

namespace tarn::catalog {

// What the governed row is called in compiled SQL.
inline constexpr std::string_view kRowAlias = "_row";

using PolicyColumn = sql_expression::RowColumn;

// A table as an expression sees it.
struct PolicyTable {
  names::TableId id;
  std::vector<PolicyColumn> columns;
};

// The column of that name, without regard to case; null when there is none.
const PolicyColumn* FindPolicyColumn(const PolicyTable& table, std::string_view name);

struct PolicyScope {
  const PolicyTable& table;
  const auth::Caller& principal;
  // Finds the tables of subqueries; its errors are passed on. Null: subqueries are refused.
  std::function<absl::StatusOr<PolicyTable>(const names::TableId&)> find_table;
};

struct CompiledExpression {
  // In brackets, names quoted.
  std::string sql;
  duckdb::LogicalType type;
  // The tables of its subqueries, each once.
  std::vector<names::TableId> sources;
};

class PolicyCompiler {
 public:
  // Connects to `engine`, which must be locked down (PolicyEngineOptions).
  static absl::StatusOr<PolicyCompiler> Open(duckdb::LazyDatabase& engine);

  // INVALID_ARGUMENT, for the person who wrote it: SQL_ERROR (also for types that do not go
  // together), COLUMN_NOT_FOUND, FUNCTION_NOT_ALLOWED, EXPRESSION_TOO_LARGE, POLICY_CYCLE for a
  // subquery on the governed table itself.
  absl::StatusOr<CompiledExpression> Compile(std::string_view text, const PolicyScope& scope);
  // As Compile; SQL_ERROR unless it is boolean.
  absl::StatusOr<CompiledExpression> CompileFilter(std::string_view text, const PolicyScope& scope);
  // As Compile, cast to `type`; SQL_ERROR where a value might not convert.
  absl::StatusOr<CompiledExpression> CompileMask(std::string_view text,
                                                 const duckdb::LogicalType& type,
                                                 const PolicyScope& scope);
  // CAST('text' AS type). INVALID_ARGUMENT SQL_ERROR when it does not convert.
  absl::StatusOr<std::string> ConstantSql(std::string_view text, const duckdb::LogicalType& type);

 private:
  explicit PolicyCompiler(duckdb::Connection connection) : connection_(std::move(connection)) {}

  duckdb::Connection connection_;
};

// Of the instance that expressions are parsed and planned in: small, and shut off from all files.
duckdb::DatabaseOptions PolicyEngineOptions();

}  // namespace tarn::catalog

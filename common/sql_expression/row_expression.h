// A user's SQL expression over the columns of one row, checked so that it may run inside a process
// that does other people's work as well (queries run in workers of their own instead).
//
// What is taken: columns, literals, operators, CASE, casts to plain types, and the functions of
// row_functions.h. Refused: subqueries, aggregates, windows, lambdas, parameters, *, and whatever
// could take much longer or more memory than its row is large:
//   - at most 4096 bytes, and no more than two CASE x WHEN (the parser copies x for every WHEN);
//   - the result is at most 32 times as large as the row; an expression knows its factor, and what
//     computes on its result goes on from there;
//   - patterns, separators and replacements are literals, JSON paths have no wildcards.
// The text that runs is written from the checked tree, never the user's own.
//
// Pure but for the connection, which parses and plans; it reads no table.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <absl/status/statusor.h>

#include "common/duckdb/database.h"

namespace tarn::sql_expression {

inline constexpr double kMaxGrowth = 32;

struct RowColumn {
  std::string name;
  duckdb::LogicalType type;
  // How many times larger than the row a value can be: 1 for what was sent.
  double growth = 1;
};

struct RowExpression {
  // In brackets, names quoted; columns are unqualified.
  std::string sql;
  duckdb::LogicalType type;
  double growth = 1;
  // Indexes of the columns that it reads, ascending.
  std::vector<size_t> columns;
};

// INVALID_ARGUMENT, the message for the person who wrote it: SQL_ERROR (also for types that do not
// go together), COLUMN_NOT_FOUND, FUNCTION_NOT_ALLOWED, EXPRESSION_TOO_LARGE.
absl::StatusOr<RowExpression> CompileRowExpression(duckdb::Connection& connection,
                                                   std::string_view text,
                                                   const std::vector<RowColumn>& columns);

// A SELECT of no row with these columns: what expressions are planned on.
std::string NoRowsSql(const std::vector<RowColumn>& columns);

}  // namespace tarn::sql_expression

// One SQL expression as the engine's syntax tree, and back. What stands in it is for the caller to
// check: row_expression.h, and policies of the catalog. Pure but for the connection, which parses.
#pragma once

#include <string>
#include <string_view>

#include <absl/status/statusor.h>
#include <nlohmann/json.hpp>

#include "common/duckdb/database.h"

namespace tarn::sql_expression {

inline constexpr size_t kMaxExpressionBytes = 4096;

// The tree of SELECT (text), in which nothing stands beside one expression: see ExpressionOf.
// INVALID_ARGUMENT SQL_ERROR; EXPRESSION_TOO_LARGE for more bytes than the above, or more than two
// CASE x WHEN (the parser copies x for every WHEN).
absl::StatusOr<nlohmann::json> ParseExpression(duckdb::Connection& connection,
                                               std::string_view text);

// The expression within such a tree.
nlohmann::json& ExpressionOf(nlohmann::json& tree);

// The text of such a tree's expression, in brackets, names quoted.
absl::StatusOr<std::string> ExpressionSql(duckdb::Connection& connection, nlohmann::json& tree);

}  // namespace tarn::sql_expression

// A SELECT as the engine's own syntax tree in JSON, and back. The tree is walked and rewritten by
// query (names, governed tables, functions by list); parameters survive the way there and back.
#pragma once

#include <string>
#include <string_view>

#include <absl/status/statusor.h>

#include "common/duckdb/database.h"

namespace tarn::duckdb {

// The tree of one SELECT: {"error":false,"statements":[{"node":{…},…}]}. INVALID_ARGUMENT SQL_ERROR
// for a syntax error (with line and column, metadata "line", "column", "position"), for several
// statements or none, and for statements other than SELECT (metadata error_subtype
// "NOT_A_SELECT").
absl::StatusOr<std::string> SelectToTree(Connection& connection, std::string_view sql);

// The SQL of a tree. INVALID_ARGUMENT SQL_ERROR when it is not one.
absl::StatusOr<std::string> TreeToSelect(Connection& connection, std::string_view tree);

}  // namespace tarn::duckdb

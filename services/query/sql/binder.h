// Binds the names of a query in its syntax tree, which is the JSON of the engine's
// json_serialize_sql. Two passes: first the tables that the tree names are collected (and what must
// never run is refused); then, when the caller has planned them, each is replaced by a subquery
// that reads its files. Text is never replaced.
//
// What is refused: a catalog-qualified name, a table function or function that is not on the list,
// SHOW and DESCRIBE inside a query, a quoted file name (it is a table name to the parser, and no
// such table exists). Pure; any thread.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <nlohmann/json_fwd.hpp>

namespace tarn::query {

// A table that a query reads, at one point of its history.
struct TableReference {
  std::string database;
  std::string table;
  // "" for the current snapshot, else the literal of AT (VERSION => …) or AT (TIMESTAMP => …).
  std::string version;
  std::string timestamp;

  auto operator<=>(const TableReference&) const = default;
};

// The tables that `tree` reads, each once, in order. `default_database` completes names without a
// database; where it is empty, such a name is refused with what to write. INVALID_ARGUMENT:
// SQL_ERROR, FUNCTION_NOT_ALLOWED, STATEMENT_NOT_SUPPORTED.
absl::StatusOr<std::vector<TableReference>> CollectTables(const nlohmann::json& tree,
                                                          std::string_view default_database);

// Replaces each table by its reader: the tree of a SELECT, by reference. All that CollectTables
// gave must be there.
absl::Status BindTables(nlohmann::json& tree, std::string_view default_database,
                        const std::map<TableReference, nlohmann::json>& readers);

}  // namespace tarn::query

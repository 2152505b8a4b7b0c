// Binds the names of a query in its syntax tree, which is the JSON of the engine's
// json_serialize_sql. Two passes: first the tables that the tree names are collected (and what must
// never run is refused); then, when the caller has planned them, each is replaced by a subquery
// that reads its files. Text is never replaced.
//
// Used by query for statements, and by catalog for what policies read.
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
#include <nlohmann/json.hpp>

namespace tarn::sql_expression {

// A table that a query reads, at one point of its history.
struct TableReference {
  std::string database;
  std::string table;
  // "" for the current snapshot, else the literal of AT (VERSION => …) or AT (TIMESTAMP => …).
  std::string version;
  std::string timestamp;

  auto operator<=>(const TableReference&) const = default;
};

// A table where it stands in a tree.
struct TableMention {
  TableReference reference;
  const nlohmann::json* node;
};

// Every mention of a table in `tree`, in order, common table expressions apart. Errors are those of
// CollectTables.
absl::StatusOr<std::vector<TableMention>> FindTables(const nlohmann::json& tree,
                                                     std::string_view default_database);

// The tables that `tree` reads, each once, in order. `default_database` completes names without a
// database; where it is empty, such a name is refused with what to write. INVALID_ARGUMENT:
// SQL_ERROR, FUNCTION_NOT_ALLOWED, STATEMENT_NOT_SUPPORTED.
absl::StatusOr<std::vector<TableReference>> CollectTables(const nlohmann::json& tree,
                                                          std::string_view default_database);

// What reads a table: the tree of a SELECT, and those of its columns that `*` does not stand for.
struct TableReader {
  nlohmann::json node;
  std::vector<std::string> hidden;
};

// Whether a common table expression may be called so: no other reading of the name (a file, a table
// of the engine) exists, should the engine see it outside of its scope.
bool IsSafeCteName(std::string_view name);

// Replaces each table by its reader. All that CollectTables gave must be there. INVALID_ARGUMENT
// (SQL_ERROR) for a NATURAL JOIN of two tables with hidden columns, which would join by them.
absl::Status BindTables(nlohmann::json& tree, std::string_view default_database,
                        const std::map<TableReference, TableReader>& readers);

}  // namespace tarn::sql_expression

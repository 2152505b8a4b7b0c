// The statement front-end: tells which of Tarn's statements a text is and divides it into names and
// embedded queries. Embedded queries go to the engine's parser as they stand; nothing is ever
// replaced in text.
//
// Grammar (keywords without regard to case; name = [database "."] table):
//
//   statement    = select | create | insert | drop | describe | show | explain
//   select       = ("SELECT" | "WITH" | "FROM" | "VALUES" | "TABLE" | "(" | "PIVOT" | "UNPIVOT") …
//   create       = "CREATE" ["OR" "REPLACE"] "TABLE" ["IF" "NOT" "EXISTS"] name
//                    ( "(" column {"," column} ")" [partitioned] | [partitioned] "AS" select )
//                | "CREATE" ["OR" "REPLACE"] "VIEW" ["IF" "NOT" "EXISTS"] name "AS" select
//                | "CREATE" ("DATABASE" | "SCHEMA") ["IF" "NOT" "EXISTS"] id
//   column       = id type ["NOT" "NULL"]
//   partitioned  = "PARTITIONED" "BY" "(" transform {"," transform} ")"
//   transform    = id | ("year"|"month"|"day"|"hour"|"identity") "(" id ")"
//                | "truncate" "(" (number "," id | id "," number) ")"
//   insert       = "INSERT" ("INTO" | "OVERWRITE" ["TABLE" | "INTO"]) name ["(" id {"," id} ")"]
//   select drop         = "DROP" ("TABLE" | "VIEW" | "DATABASE" | "SCHEMA") ["IF" "EXISTS"] name
//   describe     = ("DESCRIBE" | "DESC") (["TABLE"] name | select)
//   show         = "SHOW" ("DATABASES" | "SCHEMAS" | "TABLES" [("FROM" | "IN") id])
//   explain      = "EXPLAIN" select
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/statusor.h>

namespace tarn::query {

// A table as SQL names it; `database` is empty where the text gives none.
struct SqlName {
  std::string database;
  std::string table;
};

struct ColumnDefinition {
  std::string name;
  // The type as the engine writes it: DECIMAL(10,2), STRUCT(a INTEGER).
  std::string sql_type;
  bool required = false;
};

struct PartitionTransform {
  std::string column;
  // identity, year, month, day, hour or truncate[w].
  std::string transform;
};

enum class StatementKind {
  kSelect,
  kCreateTable,
  kCreateTableAs,
  kCreateView,
  kCreateDatabase,
  kInsert,
  kInsertOverwrite,
  kDropTable,
  kDropView,
  kDropDatabase,
  kDescribeTable,
  kDescribeQuery,
  kShowDatabases,
  kShowTables,
  kExplain,
};

struct Statement {
  StatementKind kind = StatementKind::kSelect;
  // The table, view or database that the statement is about.
  SqlName target;
  bool or_replace = false;
  // IF EXISTS or IF NOT EXISTS.
  bool if_exists = false;
  std::vector<ColumnDefinition> columns;
  std::vector<std::string> insert_columns;
  std::vector<PartitionTransform> partitioned_by;
  // The embedded query, as it stands in the source, and where it begins there.
  std::string query;
  size_t query_offset = 0;
};

// INVALID_ARGUMENT with SQL_ERROR for text that does not follow the grammar, with
// STATEMENT_NOT_SUPPORTED for a statement that is not among these, naming it. One statement; a
// semicolon at the end is allowed.
absl::StatusOr<Statement> ParseStatement(std::string_view sql);

// "CREATE TABLE AS", for messages.
std::string_view StatementKindName(StatementKind kind);

// One transform of a partition spec, as `partitioned` in the grammar writes it: "day(ts)",
// "loc_id".
absl::StatusOr<PartitionTransform> ParsePartitionTransform(std::string_view text);

}  // namespace tarn::query

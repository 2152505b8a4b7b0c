// Resource names as AIP-122 has them ("databases/smart_hub/tables/usage") and SQL names
// ("smart_hub.usage"). The workspace is not part of a name: the caller's credential carries it.
// Pure functions; any thread. Errors are INVALID_ARGUMENT: INVALID_RESOURCE_NAME for a whole name,
// INVALID_FIELD with the field for an id.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

namespace tarn::names {

struct TableId {
  std::string database;
  std::string table;

  friend bool operator==(const TableId&, const TableId&) = default;
  friend auto operator<=>(const TableId&, const TableId&) = default;
};

std::string Database(std::string_view database);                       // databases/{database}
std::string Table(std::string_view database, std::string_view table);  // …/tables/{table}
std::string Table(const TableId& id);

absl::StatusOr<std::string> ParseDatabase(std::string_view name);  // gives the database's id
absl::StatusOr<TableId> ParseTable(std::string_view name);

// "smart_hub.usage" in SQL, both ways. Parsing takes parts in double quotes as well, and refuses
// anything but two valid ids.
std::string SqlName(const TableId& id);
absl::StatusOr<TableId> ParseSqlName(std::string_view sql_name);

// The values of a template's variables, in order:
//   Parse("pipelines/{pipeline}/runs/{run}", "pipelines/enrich/runs/0189…") -> {"enrich", "0189…"}
// {database} and {table} must be SQL ids; every other value 1 to 128 of [A-Za-z0-9._~@-], so that
// generated ids and UUIDs pass (ValidateId holds what a user may create).
absl::StatusOr<std::vector<std::string>> Parse(std::string_view pattern, std::string_view name);

// A template with its variables filled in. The number of values is the caller's promise: a program
// that breaks it ends.
std::string Format(std::string_view pattern, std::initializer_list<std::string_view> values);

// True when `name` is of the template's form.
bool Matches(std::string_view pattern, std::string_view name);

// The id of a new resource (stream, pipeline, rule …): ^[a-z][a-z0-9_-]{0,62}$. `field` is its path
// in the request ("stream_id").
absl::Status ValidateId(std::string_view field, std::string_view id);

// An id that is also an SQL name (database, table): ^[a-z][a-z0-9_]{0,62}$.
absl::Status ValidateSqlId(std::string_view field, std::string_view id);

// As ValidateSqlId, and not reserved.
absl::Status ValidateNewDatabaseId(std::string_view field, std::string_view id);

// system, information_schema, and those that end in __archive: Tarn's own.
bool IsReservedDatabase(std::string_view database);

}  // namespace tarn::names

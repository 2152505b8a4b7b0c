// Numbered, forward-only changes of one PostgreSQL schema.
//
// A module lists its files in CMake, `tarn_embed_migrations(tarn_catalog tarn::catalog
// migrations/0001_tables.sql …)`, and gets "services/catalog/migrations.h" with
// `std::span<const Migration> tarn::catalog::Migrations()`; at start it calls
//   ApplyMigrations(pool, "catalog", catalog::Migrations())
// The schema is created; SQL names it in full (CREATE TABLE catalog.tables …). A file that was
// released is never changed: its checksum is stored in <schema>.schema_migrations.
#pragma once

#include <span>
#include <string_view>

#include <absl/status/status.h>

namespace tarn {

class PostgresPool;

struct Migration {
  int number;             // from 1, without gaps
  std::string_view name;  // "0001_tables"
  std::string_view sql;   // run as one script in one transaction
};

// Applies what is missing, each in a transaction of its own, under an advisory lock, so that any
// number of processes may start at once. Statements have no timeout here.
// Errors: FAILED_PRECONDITION with reason MIGRATION_CHANGED (an applied file differs) or
// DATABASE_NEWER (the database was written by a later release); INVALID_ARGUMENT with
// MIGRATIONS_INVALID (numbers have gaps); else those of the pool, with the file named.
absl::Status ApplyMigrations(PostgresPool& pool, std::string_view schema,
                             std::span<const Migration> migrations);

}  // namespace tarn

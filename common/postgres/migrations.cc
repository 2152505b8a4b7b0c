#include "common/postgres/migrations.h"

#include <regex>
#include <string>

#include "common/postgres/postgres_pool.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"

namespace tarn {
namespace {

// Held to the end of the transaction. By the schema's name, so that modules do not wait for each
// other; the session's statement timeout must not end the wait.
void Lock(Transaction& txn, const std::string& schema) {
  txn.ExecScript("SET LOCAL statement_timeout = 0");
  txn.Exec("SELECT pg_advisory_xact_lock(hashtextextended('tarn.migrations.' || $1, 0))", schema);
}

absl::Status Prepare(Transaction& txn, const std::string& schema, int newest_known) {
  Lock(txn, schema);
  txn.ExecScript("CREATE SCHEMA IF NOT EXISTS " + schema + "; CREATE TABLE IF NOT EXISTS " +
                 schema +
                 ".schema_migrations (number int PRIMARY KEY, name text NOT NULL, checksum text "
                 "NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())");
  int newest =
      txn.Exec("SELECT coalesce(max(number), 0) AS newest FROM " + schema + ".schema_migrations")
          .One()
          .Get<int>("newest");
  if (newest > newest_known) {
    return FailedPrecondition("DATABASE_NEWER",
                              "schema " + schema + " is at migration " + std::to_string(newest) +
                                  ", but this program knows migrations up to " +
                                  std::to_string(newest_known) + " only: start a newer release");
  }
  return absl::OkStatus();
}

absl::Status ApplyOne(Transaction& txn, const std::string& schema, const Migration& migration) {
  Lock(txn, schema);
  Result applied =
      txn.Exec("SELECT checksum = encode(sha256(convert_to($2, 'UTF8')), 'hex') AS same FROM " +
                   schema + ".schema_migrations WHERE number = $1",
               migration.number, migration.sql);
  if (!applied.empty()) {
    if (applied[0].Get<bool>("same")) return absl::OkStatus();
    return FailedPrecondition(
        "MIGRATION_CHANGED",
        "migration " + std::string(migration.name) + " of schema " + schema +
            " differs from the one that this database was made with: an applied migration is never "
            "changed; put the change into a new one, or start the release that made the database");
  }
  txn.ExecScript(migration.sql);
  txn.Exec("INSERT INTO " + schema +
               ".schema_migrations (number, name, checksum) VALUES ($1, $2, "
               "encode(sha256(convert_to($3, 'UTF8')), 'hex'))",
           migration.number, migration.name, migration.sql);
  return absl::OkStatus();
}

}  // namespace

absl::Status ApplyMigrations(PostgresPool& pool, std::string_view schema_view,
                             std::span<const Migration> migrations) {
  const std::string schema(schema_view);
  // It is put into SQL as it is.
  static const std::regex kName("[a-z][a-z0-9_]{0,62}");
  if (!std::regex_match(schema, kName)) {
    return InvalidArgument("MIGRATIONS_INVALID", "\"" + schema + "\" is no name for a schema");
  }
  for (size_t i = 0; i < migrations.size(); ++i) {
    if (migrations[i].number != static_cast<int>(i) + 1) {
      return InvalidArgument("MIGRATIONS_INVALID", "migrations of schema " + schema +
                                                       " are numbered from 1 without gaps; " +
                                                       std::string(migrations[i].name) +
                                                       " is out of place");
    }
  }
  TARN_RETURN_IF_ERROR(pool.Run(
      [&](Transaction& txn) { return Prepare(txn, schema, static_cast<int>(migrations.size())); }));
  for (const Migration& migration : migrations) {
    absl::Status status =
        pool.Run([&](Transaction& txn) { return ApplyOne(txn, schema, migration); });
    if (!status.ok()) return Annotate(status, "migration " + std::string(migration.name));
  }
  return absl::OkStatus();
}

}  // namespace tarn

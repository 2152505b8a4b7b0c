// The rules of tables and views: names, columns, partition specs, and how a definition may change.
// Works in the caller's transaction; a change's event and audit entry are in it too.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "common/postgres/transaction.h"
#include "services/catalog/actor.h"
#include "services/catalog/table.h"

namespace tarn::catalog {

// What an update is to change.
struct TableChange {
  std::optional<std::string> comment;
  std::optional<std::map<std::string, std::string>> properties;
  std::optional<std::vector<Field>> columns;
  std::optional<ViewDefinition> view;
  std::string etag;  // empty: whatever it is now
};

class TableManager {
 public:
  explicit TableManager(Transaction& txn) : txn_(txn) {}

  // Makes a table without rows. Fields without an id get one, depth first from 1.
  // ALREADY_EXISTS TABLE_EXISTS, NOT_FOUND DATABASE_NOT_FOUND, INVALID_ARGUMENT INVALID_FIELD.
  absl::StatusOr<Table> Create(const Actor& actor, Table table);
  // NOT_FOUND TABLE_NOT_FOUND or DATABASE_NOT_FOUND, with the name that may have been meant.
  absl::StatusOr<Table> Get(const TableKey& key);
  // As Get; nobody else changes the table before this transaction ends.
  absl::StatusOr<Table> Lock(const TableKey& key);
  absl::StatusOr<std::vector<Table>> List(const std::string& workspace, const std::string& database,
                                          const TableKey& after, int limit);
  // An update without a change leaves update_time and etag. ABORTED ETAG_MISMATCH;
  // INVALID_ARGUMENT INCOMPATIBLE_SCHEMA (schema.h).
  absl::StatusOr<Table> Update(const Actor& actor, const TableKey& key, const TableChange& change);
  // The files of a managed table become garbage; others stay. ABORTED ETAG_MISMATCH.
  absl::Status Delete(const Actor& actor, const TableKey& key, const std::string& etag);

  // Puts a definition in the place of the present one, as a new schema version, where it differs.
  // `current` was locked in this transaction. What it gives is the table as it is then.
  absl::StatusOr<Table> Redefine(const Actor& actor, const Table& current,
                                 TableDefinition definition, int last_field_id);

 private:
  absl::Status TableNotFound(const TableKey& key);
  // Stores a table that was locked in this transaction, and says so.
  absl::StatusOr<Table> Write(const Actor& actor, const Table& table, bool new_definition);

  Transaction& txn_;
};

// How long files that nothing names any more stay for readers that began before.
inline constexpr absl::Duration kGarbageGrace = absl::Hours(24);

// What is wrong with a table's definition: INVALID_ARGUMENT INVALID_FIELD with every violation.
absl::Status ValidateTable(const Table& table);

}  // namespace tarn::catalog

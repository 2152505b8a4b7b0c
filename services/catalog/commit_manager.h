// Commits: how a change of a table's files becomes a snapshot. The rules that hold between
// concurrent commits are in catalog.commit_table (migrations/0002_commit.sql), under the lock of
// the table's head; here is what comes before it (the shape of a commit, new columns, CREATE OR
// REPLACE) and how its outcomes become errors.
#pragma once

#include <optional>
#include <vector>

#include <absl/status/statusor.h>

#include "common/postgres/postgres_pool.h"
#include "services/catalog/actor.h"
#include "services/catalog/table_store.h"

namespace tarn::catalog {

struct CommitRequest {
  CommitParameters parameters;
  // Makes the table, or replaces its definition and all of its files.
  std::optional<Table> create_or_replace;
  bool create_only = false;
  // Added at the end of the columns in the same transaction.
  std::vector<Field> added_columns;
};

struct CommitResult {
  Table table;
  Snapshot snapshot;
  bool replayed = false;
};

// Stateless but for the pool; any thread.
class CommitManager {
 public:
  explicit CommitManager(PostgresPool& pool) : pool_(pool) {}

  // One round trip; a few more when the definition changes. Errors:
  //   INVALID_ARGUMENT     INVALID_FIELD, WRONG_OPERATION, FILE_EXISTS
  //   NOT_FOUND            TABLE_NOT_FOUND, DATABASE_NOT_FOUND, SNAPSHOT_NOT_FOUND
  //   ALREADY_EXISTS       TABLE_EXISTS (create_only)
  //   ABORTED              COMMIT_CONFLICT with the file, or of a table that was partitioned anew;
  //                        SCHEMA_CHANGED for added columns
  //   FAILED_PRECONDITION  SCHEMA_CHANGED with the column
  //   OUT_OF_RANGE         LOG_POSITION_GAP, LOG_POSITION_OVERLAP with the position reached
  absl::StatusOr<CommitResult> Commit(const Actor& actor, const CommitRequest& request);

  // The same inside a transaction of the caller, for a commit that belongs to another change.
  static absl::StatusOr<CommitResult> CommitIn(Transaction& txn, const Actor& actor,
                                               const CommitRequest& request);

 private:
  PostgresPool& pool_;
};

// The shape of a commit, before anything is looked up: INVALID_ARGUMENT INVALID_FIELD.
absl::Status ValidateCommit(const CommitRequest& request);

}  // namespace tarn::catalog

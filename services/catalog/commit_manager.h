// Commits: how a change of a table's files becomes a snapshot. The rules that hold between
// concurrent commits are in catalog.commit_table (migrations/0002_commit.sql), under the lock of
// the table's head; here is what comes before it (the shape of a commit, changes of columns, CREATE
// OR REPLACE) and how its outcomes become errors.
#pragma once

#include <optional>
#include <vector>

#include <absl/status/statusor.h>

#include "common/postgres/postgres_pool.h"
#include "services/catalog/actor.h"
#include "services/catalog/schema_evolution.h"
#include "services/catalog/table_store.h"

namespace tarn::catalog {

struct CommitRequest {
  CommitParameters parameters;
  // Makes the table, or replaces its definition and all of its files.
  std::optional<Table> create_or_replace;
  bool create_only = false;
  // Of the columns, in the same transaction and before the files.
  SchemaEvolution evolution;
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
  //                        SCHEMA_CHANGED for changes of columns
  //   FAILED_PRECONDITION  SCHEMA_CHANGED with the column that files of an older schema have and
  //                        the table does not read any more; WIDENING_INEXACT with the field id of
  //                        a long column that cannot become double
  //   OUT_OF_RANGE         LOG_POSITION_GAP, LOG_POSITION_OVERLAP with the position reached
  absl::StatusOr<CommitResult> Commit(const Actor& actor, const CommitRequest& request);

  // The same inside a transaction of the caller, for a commit that belongs to another change.
  static absl::StatusOr<CommitResult> CommitIn(Transaction& txn, const Actor& actor,
                                               const CommitRequest& request);

 private:
  // Files of an older schema, which commit_table takes only where no column of theirs has changed
  // at all: here also where they are still read right.
  static absl::StatusOr<CommitResult> CommitOfOlderSchema(Transaction& txn,
                                                          const CommitParameters& written);

  PostgresPool& pool_;
};

// The shape of a commit, before anything is looked up: INVALID_ARGUMENT INVALID_FIELD.
absl::Status ValidateCommit(const CommitRequest& request);

}  // namespace tarn::catalog

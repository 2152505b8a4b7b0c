// The way back: gives a table the files of an earlier snapshot by a new one. Works in the caller's
// transaction, under the lock of the table's head.
#pragma once

#include <string>

#include <absl/status/statusor.h>

#include "common/postgres/transaction.h"
#include "services/catalog/actor.h"
#include "services/catalog/history/snapshot_reference.h"
#include "services/catalog/table.h"

namespace tarn::catalog {

struct RollbackRequest {
  TableKey table;
  SnapshotReference to;
  int64_t base_snapshot_id = 0;  // what the current snapshot must be; 0: whatever it is
  std::string request_id;        // of the snapshot that is made; empty: a new one
};

// The current snapshot afterwards: the one that was made, or the one that there was when its files
// are wanted. Columns stay as they are, and positions of logs: what streams have delivered since is
// not delivered again. Errors:
//   INVALID_ARGUMENT     INVALID_FIELD; WRONG_OPERATION for what is no managed table
//   NOT_FOUND            TABLE_NOT_FOUND, SNAPSHOT_NOT_FOUND, TAG_NOT_FOUND
//   ABORTED              COMMIT_CONFLICT when the current snapshot is not the base
//   FAILED_PRECONDITION  SNAPSHOT_EXPIRED; TABLE_REPLACED for a snapshot from before a CREATE OR
//                        REPLACE, whose files the present columns do not read; WIDENING_INEXACT for
//                        integers that a column which is a double now would bend
absl::StatusOr<Snapshot> RollBack(Transaction& txn, const Actor& actor,
                                  const RollbackRequest& request);

}  // namespace tarn::catalog

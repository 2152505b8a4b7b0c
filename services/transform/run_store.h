// Runs in PostgreSQL (transform.runs, step_runs, step_works).
//
// Functions that take a Transaction run their SQL in it and throw as Transaction::Exec does. Those
// that take a Lease write only while it is the run's last one (ABORTED, LEASE_LOST), and may be
// repeated. Every change grows the run's version. Stateless; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "common/lease/lease.h"
#include "common/postgres/transaction.h"
#include "services/transform/run.h"

namespace tarn::transform::run_store {

// The lease of runs; its key is (workspace, run).
const LeaseTable& Leases();

void Insert(Transaction& txn, const RunRecord& run);

// With its steps. "" for any pipeline.
std::optional<RunRecord> Find(Transaction& txn, const std::string& workspace,
                              const std::string& pipeline_id, const std::string& run_id);

struct RunFilter {
  std::string workspace;
  std::string pipeline_id;                              // "" for all
  ExecutionState state = ExecutionState::kUnspecified;  // kUnspecified for all
  std::string before_id;                                // "" for the newest
};
// The newest first, with their steps.
std::vector<RunRecord> List(Transaction& txn, const RunFilter& filter, int limit);

// Grows with every change of the run; nothing when it is gone.
struct RunVersion {
  int64_t version = 0;
  bool terminal = false;
};
std::optional<RunVersion> FindVersion(Transaction& txn, const std::string& workspace,
                                      const std::string& run_id);

// Whether a run of the pipeline waits or runs.
bool HasActive(Transaction& txn, const std::string& workspace, const std::string& pipeline_id);

// Whether a run waits that was started in the same way with the same values. It is locked: it will
// not begin before this transaction ends.
bool LockQueuedLike(Transaction& txn, const RunRecord& run);

// Asks a run to stop; one that waits is over at once. Nothing happens to a run that has ended.
// NOT_FOUND, RUN_NOT_FOUND.
absl::Status RequestStop(Transaction& txn, const std::string& workspace,
                         const std::string& pipeline_id, const std::string& run_id, absl::Time now);

// Takes a run that nobody holds: one that has begun, or the oldest that waits of a pipeline that
// has room. It is RUNNING afterwards, and tells so by an event when it was not before.
absl::StatusOr<std::optional<Lease>> ClaimNext(Transaction& txn, std::string_view holder,
                                               absl::Duration ttl, absl::Time now);

absl::StatusOr<bool> StopRequested(Transaction& txn, const Lease& lease);

// Writes all of the step, and remembers its work.
absl::Status SaveStep(Transaction& txn, const Lease& lease, const StepRecord& step);

// Writes the end of a run with its event, and gives the lease up.
absl::Status Finish(Transaction& txn, const Lease& lease, const RunRecord& run);

// Removes up to `limit` runs that ended before `before`, the oldest first, with their steps and
// what these started; how many. Runs that wait or run are never touched.
int64_t DeleteEnded(Transaction& txn, absl::Time before, int limit);

}  // namespace tarn::transform::run_store

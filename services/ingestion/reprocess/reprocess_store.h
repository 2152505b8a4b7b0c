// Reprocesses in PostgreSQL: asked for, listed, claimed, ended; and how far the logs of their
// streams are. What they do to dead letters and how they commit is in ReprocessOutcomeStore.
//
// Thread safe. Errors besides those of common/postgres: NOT_FOUND STREAM_NOT_FOUND and
// REPROCESS_NOT_FOUND, ALREADY_EXISTS REPROCESS_UNDER_WAY, FAILED_PRECONDITION RAW_COPIES_MISSING,
// TABLE_SHARED and REQUEST_ID_REUSED, ABORTED LEASE_LOST.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "tarn/ingestion/v1/reprocess_service.pb.h"

#include "common/lease/lease.h"
#include "common/postgres/postgres_pool.h"
#include "services/ingestion/reprocess/reprocess_job.h"
#include "services/ingestion/stream/stream.h"
#include "services/ingestion/stream/stream_store.h"

namespace tarn::ingestion {

class ReprocessStore {
 public:
  explicit ReprocessStore(PostgresPool& pool) : pool_(pool) {}

  // ---- For callers
  // Stores `job` (all but id and resource filled in), unless the request id did so before.
  absl::StatusOr<ReprocessJob> Create(const RequestContext& context,
                                      const v1::StartReprocessRequest& request,
                                      const ReprocessJob& job);
  absl::StatusOr<ReprocessJob> Get(std::string_view workspace, std::string_view stream_id,
                                   std::string_view id);
  // Those before `before` (an id, or empty), the newest first.
  absl::StatusOr<std::vector<ReprocessJob>> List(const Stream& stream, std::string_view before,
                                                 int limit);
  // One that waits has ended at once; one that runs is told by CancelRequested.
  absl::Status RequestCancel(std::string_view workspace, std::string_view id);

  // ---- For its worker
  static const LeaseTable& Leases();
  struct Claimed {
    Lease lease;
    ReprocessJob job;
  };
  // One that waits, or whose worker is dead; it runs from now on.
  absl::StatusOr<std::optional<Claimed>> Claim(std::string_view holder, absl::Duration ttl);
  // Also true for one that is gone.
  absl::StatusOr<bool> CancelRequested(std::string_view id);
  // Phase, message, and how much was read. (The other counts are those of commits that are done.)
  absl::Status SetProgress(const Lease& lease, const v1::Reprocess& resource);
  // OK for SUCCEEDED, CANCELLED for one that was asked to stop, else FAILED; with an event. What
  // was claimed of dead letters waits again.
  absl::Status Finish(const Lease& lease, const ReprocessJob& job, const absl::Status& outcome);
  // Gives it up for another worker.
  absl::Status Release(const Lease& lease);
  // Those that ended longer ago than `age`.
  absl::Status Forget(absl::Duration age);

  // ---- How far the logs are
  // The instance that has the log is there.
  absl::Status SetSeen(const Lease& log);
  struct LogState {
    std::string wal_uuid;
    bool is_away = false;  // its instance was not seen for `away_after`
  };
  absl::StatusOr<std::vector<LogState>> Logs(absl::Duration away_after);
  // Those that run and wait for logs; without their resources.
  absl::StatusOr<std::vector<ReprocessJob>> ListWaiting();
  struct CopiedState {
    std::optional<uint64_t> raw_position;  // none: nothing of the log was ever copied
    // The least advanced destination's; none: nothing was ever delivered to one of them.
    std::optional<uint64_t> delivered_position;
  };
  absl::StatusOr<CopiedState> Copied(std::string_view stream_uid, std::string_view log_id,
                                     const std::vector<std::string>& destinations);
  absl::Status Confirm(const Lease& log, std::string_view reprocess_id, std::string_view log_id,
                       uint64_t position);
  struct Confirmation {
    std::string wal_uuid;
    std::string log_id;
    uint64_t position = 0;
  };
  absl::StatusOr<std::vector<Confirmation>> Confirmations(std::string_view reprocess_id);

 private:
  PostgresPool& pool_;
};

}  // namespace tarn::ingestion

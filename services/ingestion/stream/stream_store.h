// Streams, delivery positions and new dead letters in PostgreSQL: all SQL over them is here, and,
// for dead letters that are there, in DeadLetterStore.
//
// Thread safe. Errors besides those of common/postgres: NOT_FOUND STREAM_NOT_FOUND, ALREADY_EXISTS
// STREAM_EXISTS, ABORTED ETAG_MISMATCH, FAILED_PRECONDITION REQUEST_ID_REUSED and
// STREAM_HAS_DEAD_LETTERS, ABORTED LEASE_LOST (another process has opened the log since).
#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "tarn/ingestion/v1/ingestion_service.pb.h"

#include "common/lease/lease.h"
#include "common/postgres/postgres_pool.h"
#include "services/ingestion/stream/dead_letter_store.h"
#include "services/ingestion/stream/stream.h"

namespace tarn::ingestion {

// Who asks, for the idempotency of changes.
struct RequestContext {
  std::string workspace;
  std::string user;
};

// Where a stream's records of one log stand.
struct DeliveryState {
  uint64_t delivered_position = 0;
  // Positions at or after it that are among the dead letters already.
  std::set<uint64_t> dead_letters;
};

struct NewDeadLetter {
  uint64_t position = 0;
  std::string_view payload;
  std::string reason;
  std::string field;
  std::string message;
  absl::Time ingest_time;
};

class StreamStore {
 public:
  explicit StreamStore(PostgresPool& pool) : pool_(pool) {}

  // ---- Definitions
  absl::StatusOr<Stream> Create(const RequestContext& context,
                                const v1::CreateStreamRequest& request, const v1::Stream& normal);
  // `change` gets the present definition and gives the new one. Unchanged, nothing is written.
  absl::StatusOr<Stream> Update(
      const RequestContext& context, const v1::UpdateStreamRequest& request, std::string_view id,
      const std::function<absl::StatusOr<v1::Stream>(const v1::Stream&)>& change);
  absl::Status Delete(const RequestContext& context, const v1::DeleteStreamRequest& request,
                      std::string_view id);
  absl::StatusOr<Stream> Get(std::string_view workspace, std::string_view id);
  // By id, those after `after`; at most `limit`.
  absl::StatusOr<std::vector<Stream>> List(std::string_view workspace, std::string_view after,
                                           int limit);
  // Of all workspaces.
  absl::StatusOr<std::vector<Stream>> LoadAll();
  // `log_id` is the stream's log in this instance.
  absl::StatusOr<StreamCounts> Counts(std::string_view stream_uid, std::string_view log_id);

  // ---- Delivery
  // Takes the log over: the next epoch is ours. The caller holds the lock of the log's folder.
  absl::StatusOr<Lease> TakeLog(std::string_view wal_uuid, std::string_view holder);
  absl::StatusOr<DeliveryState> ResumeDelivery(std::string_view stream_uid, std::string_view log_id,
                                               std::string_view wal_uuid);
  // Keeps dead letters, those that are there already excepted, with one event for all. One that was
  // put back and failed again takes over the count of its attempts.
  absl::Status AddDeadLetters(const Lease& lease, const Stream& stream, std::string_view log_id,
                              const std::vector<NewDeadLetter>& dead_letters);
  // Everything before `position` is delivered, `records` more of it in the table. Only forward; a
  // position that is there already changes nothing.
  absl::Status SetDelivered(const Lease& lease, std::string_view stream_uid,
                            std::string_view log_id, uint64_t position, bool committed);

  // What becomes of dead letters after that.
  DeadLetterStore& dead_letters() { return dead_letters_; }

 private:
  PostgresPool& pool_;
  DeadLetterStore dead_letters_{pool_};
};

absl::Status StreamNotFound(std::string_view id);

}  // namespace tarn::ingestion

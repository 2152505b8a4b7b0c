// How far deliveries are, and their new dead letters, in PostgreSQL: for each destination of a
// stream and each log that its records came in. What becomes of dead letters later is in
// DeadLetterStore.
//
// Thread safe. Errors besides those of common/postgres: ABORTED LEASE_LOST (another process has
// opened the log since), NOT_FOUND STREAM_NOT_FOUND.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "common/lease/lease.h"
#include "common/postgres/postgres_pool.h"
#include "services/ingestion/stream/stream.h"

namespace tarn::ingestion {

// Whose position it is.
struct DeliveryKey {
  std::string stream_uid;
  // Of a lane of the stream (lane.h) in a write-ahead log: LogIdOf.
  std::string log_id;
  // The table's name.
  std::string destination;
};

struct DeliveryState {
  uint64_t delivered_position = 0;
  // Positions at or after it that are among the dead letters already.
  std::set<uint64_t> dead_letters;
  // A batch was prepared whose end was not reached.
  bool has_prepared = false;
};

struct NewDeadLetter {
  uint64_t position = 0;
  std::string_view payload;
  std::string reason;
  std::string field;
  std::string message;
  absl::Time ingest_time;
};

// What is to be known of a batch before it is committed.
struct PreparedBatch {
  uint64_t end_position = 0;
  // Records that activities left out.
  int64_t filtered = 0;
  std::vector<NewDeadLetter> dead_letters;
};

// Since the delivery first began.
struct DeliveryCounts {
  std::string log_id;
  std::string destination;
  int64_t delivered_position = 0;
  int64_t delivered_records = 0;
  int64_t filtered_records = 0;
  int64_t dead_letter_records = 0;   // ever
  int64_t waiting_dead_letters = 0;  // neither replayed nor purged
  absl::Time last_delivery_time = absl::InfinitePast();
};

class DeliveryStore {
 public:
  explicit DeliveryStore(PostgresPool& pool) : pool_(pool) {}

  // Takes the log over: the next epoch is ours. The caller holds the lock of the log's folder.
  absl::StatusOr<Lease> TakeLog(std::string_view wal_uuid, std::string_view holder);

  // Where the delivery stands: at `start` or behind it.
  absl::StatusOr<DeliveryState> Resume(const Lease& lease, const DeliveryKey& key,
                                       std::string_view wal_uuid, uint64_t start);
  // Keeps the batch's dead letters, those that are there already excepted, with one event for all,
  // and how many records are left out. A letter that was put back and failed again takes over the
  // count of its attempts.
  absl::Status Prepare(const Lease& lease, const Stream& stream, const DeliveryKey& key,
                       const PreparedBatch& batch);
  // Everything before `position` is in the table (of which something was `committed`), left out, or
  // dead. Only forward; a position that is there already changes nothing.
  absl::Status SetDelivered(const Lease& lease, const DeliveryKey& key, uint64_t position,
                            bool committed);
  // Of all logs and destinations that the stream ever had records for.
  absl::StatusOr<std::vector<DeliveryCounts>> Counts(std::string_view stream_uid);

 private:
  PostgresPool& pool_;
};

}  // namespace tarn::ingestion

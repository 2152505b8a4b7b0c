// What PostgreSQL knows of raw copies: since when they are complete, how far each log is copied,
// and which streams are gone whose copies are not. All SQL over them is here.
//
// Thread safe. Errors besides those of common/postgres: ABORTED LEASE_LOST (another process has
// opened the log since), ABORTED RAW_POSITION_MOVED, FAILED_PRECONDITION RAW_COPY_OFF.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "tarn/ingestion/v1/stream.pb.h"

#include "common/lease/lease.h"
#include "common/postgres/postgres_pool.h"

namespace tarn::ingestion {

class RawCopyStore {
 public:
  explicit RawCopyStore(PostgresPool& pool) : pool_(pool) {}

  // Takes up what the definition says of raw copies, in the transaction that makes the stream
  // (`is_new`) or changes it.
  static void Follow(Transaction& txn, std::string_view stream_uid, const v1::Stream& definition,
                     bool is_new);
  // Remembers a stream that the transaction deletes, so that its copies are removed.
  static void Bury(Transaction& txn, std::string_view stream_uid);

  // The position from which on the log's records are to be copied: where it was, else its
  // beginning, or `position_at` the time at which the copies were turned on.
  absl::StatusOr<uint64_t> Resume(const Lease& lease, std::string_view stream_uid,
                                  std::string_view log_id, std::string_view wal_uuid,
                                  const std::function<uint64_t(absl::Time)>& position_at);
  // The log's records up to `to` are copied.
  absl::Status SetPosition(const Lease& lease, std::string_view stream_uid, std::string_view log_id,
                           uint64_t from, uint64_t to);

  // A stream that has, or had, raw copies.
  struct Kept {
    std::string workspace;
    std::string stream_id;
    std::string uid;
    absl::Duration retention;
  };
  absl::StatusOr<std::vector<Kept>> ListKept();
  // What arrived before the result is to be removed: before `now` - retention, but nothing that a
  // reprocess under way still reads. From here on no reprocess begins before it.
  absl::StatusOr<absl::Time> Expire(const Kept& stream, absl::Time now);
  // Tells that files were removed.
  absl::Status Removed(std::string_view workspace, std::string_view stream_id, int64_t files,
                       int64_t bytes, std::string_view why);

  // Deleted streams whose copies are still there.
  absl::StatusOr<std::vector<Kept>> ListBuried();
  absl::Status Forget(std::string_view stream_uid);

 private:
  PostgresPool& pool_;
};

}  // namespace tarn::ingestion

// Definitions of streams in PostgreSQL: all SQL over them is here. (How far their deliveries are is
// in DeliveryStore.)
//
// Thread safe. Errors besides those of common/postgres: NOT_FOUND STREAM_NOT_FOUND, ALREADY_EXISTS
// STREAM_EXISTS, ABORTED ETAG_MISMATCH, FAILED_PRECONDITION REQUEST_ID_REUSED and
// STREAM_HAS_DEAD_LETTERS.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "tarn/ingestion/v1/ingestion_service.pb.h"

#include "common/postgres/postgres_pool.h"
#include "services/ingestion/stream/stream.h"

namespace tarn::ingestion {

// Who asks, for the idempotency of changes.
struct RequestContext {
  std::string workspace;
  std::string user;
};

class StreamStore {
 public:
  explicit StreamStore(PostgresPool& pool) : pool_(pool) {}

  absl::StatusOr<Stream> Create(const RequestContext& context,
                                const v1::CreateStreamRequest& request, const v1::Stream& normal);
  // `change` gets the present definition and gives the new one. Unchanged, nothing is written.
  absl::StatusOr<Stream> Update(
      const RequestContext& context, const v1::UpdateStreamRequest& request, std::string_view id,
      const std::function<absl::StatusOr<v1::Stream>(const v1::Stream&)>& change);
  // Of one whose records in that log are all delivered.
  absl::Status Delete(const RequestContext& context, const v1::DeleteStreamRequest& request,
                      std::string_view id, std::string_view wal_uuid);
  // Which of these were deleted so.
  absl::StatusOr<std::vector<std::string>> FindDrained(const std::vector<std::string>& stream_uids,
                                                       std::string_view wal_uuid);
  absl::StatusOr<Stream> Get(std::string_view workspace, std::string_view id);
  // By id, those after `after`; at most `limit`.
  absl::StatusOr<std::vector<Stream>> List(std::string_view workspace, std::string_view after,
                                           int limit);
  // Of all workspaces.
  absl::StatusOr<std::vector<Stream>> LoadAll();

 private:
  PostgresPool& pool_;
};

absl::Status StreamNotFound(std::string_view id);

}  // namespace tarn::ingestion

// What a reprocess does, destination by destination, in PostgreSQL: the dead letters that it takes
// up and makes, and its commits, which stand here before they are sent.
//
// Thread safe. Errors besides those of common/postgres: ABORTED LEASE_LOST.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "tarn/catalog/v1/catalog_service.pb.h"

#include "common/lease/lease.h"
#include "common/postgres/postgres_pool.h"
#include "services/ingestion/reprocess/reprocess_job.h"

namespace tarn::ingestion {

// A record of the raw copies that does not fit.
struct ReprocessDeadLetter {
  std::string log_id;
  uint64_t position = 0;
  std::string payload;
  std::string reason;
  std::string field;
  std::string message;
  absl::Time ingest_time;
};

struct ReprocessCommit {
  // Nothing: the table is left as it is.
  std::optional<catalog::v1::CommitTableRequest> request;
  bool done = false;
  int64_t records_read = 0;
  int64_t rows_written = 0;
  int64_t rows_replaced = 0;
};

class ReprocessOutcomeStore {
 public:
  explicit ReprocessOutcomeStore(PostgresPool& pool) : pool_(pool) {}

  // Takes up the dead letters of the range that wait, so that nobody else puts them back or removes
  // them. Gives how many of the range are still on their way back from a replay: their rows may
  // come at any time.
  absl::StatusOr<int64_t> TakeDeadLetters(const Lease& lease, const ReprocessJob& job,
                                          std::string_view destination);

  // Forgets what an earlier try made of the destination.
  absl::Status Begin(const Lease& lease, std::string_view destination);
  absl::Status AddDeadLetters(const Lease& lease, std::string_view destination,
                              const std::vector<ReprocessDeadLetter>& dead_letters);
  // Stores the commit, in place of one that was refused.
  absl::Status StoreCommit(const Lease& lease, std::string_view destination,
                           const ReprocessCommit& commit);
  absl::StatusOr<std::optional<ReprocessCommit>> FindCommit(std::string_view reprocess_id,
                                                            std::string_view destination);
  // The commit is done: what did not fit becomes dead letters, the other ones that were taken up
  // are resolved, and the reprocess's counts grow. Once, however often it is called.
  absl::Status Complete(const Lease& lease, const ReprocessJob& job, std::string_view destination);

 private:
  PostgresPool& pool_;
};

}  // namespace tarn::ingestion

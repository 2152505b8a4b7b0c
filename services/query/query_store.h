// The history of queries in PostgreSQL, which is also the queue: a query that waits is a row that
// nobody holds. Thread safe. Every method may return UNAVAILABLE (POSTGRES_UNAVAILABLE).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "common/lease/lease.h"
#include "common/postgres/postgres_pool.h"
#include "services/query/query_record.h"

namespace tarn::query {

extern const LeaseTable kQueriesTable;

struct QueryFilter {
  std::string workspace;
  std::string user;
  // Exactly this source, or, where it ends with '/', every one that begins so.
  std::string source;
  ::tarn::common::v1::ExecutionState state = ::tarn::common::v1::EXECUTION_STATE_UNSPECIFIED;
  // Only those before this one, which was the last of the page before.
  std::optional<absl::Time> before_time;
  std::string before_id;
  int limit = 50;
};

class QueryStore {
 public:
  explicit QueryStore(PostgresPool& pool) : pool_(pool) {}

  // Inserts a query that waits. With a request id that was seen, returns the first query.
  // RESOURCE_EXHAUSTED (QUEUE_FULL) beyond `max_queued`.
  absl::StatusOr<QueryRecord> Enqueue(const QueryRecord& record, const std::string& request_id,
                                      int64_t max_queued);
  // Inserts a query that runs at once, held by `holder`.
  absl::StatusOr<Lease> InsertRunning(const QueryRecord& record, const std::string& holder,
                                      absl::Duration ttl);
  // Takes the oldest query that waits, and marks it as running. Nothing when none waits.
  struct Claimed {
    QueryRecord record;
    Lease lease;
  };
  // `holder` is one that runs a single query at a time. UNKNOWN when the answer was lost: FindHeld
  // then tells whether one was taken.
  absl::StatusOr<std::optional<Claimed>> ClaimNext(const std::string& holder, absl::Duration ttl);
  // The running query that `holder` has, its lease renewed. Nothing when it has none.
  absl::StatusOr<std::optional<Claimed>> FindHeld(const std::string& holder, absl::Duration ttl);
  // Writes the end of a query. ABORTED (LEASE_LOST) when another instance has ended it.
  absl::Status Finish(const QueryRecord& record, const Lease& lease);
  // ABORTED (LEASE_LOST) when the query was ended by another instance.
  absl::Status Renew(Lease& lease, absl::Duration ttl);
  // NOT_FOUND (QUERY_NOT_FOUND).
  absl::StatusOr<QueryRecord> Get(const std::string& workspace, const std::string& id);
  absl::StatusOr<std::vector<QueryRecord>> List(const QueryFilter& filter);
  // Ends a waiting query; asks the holder of a running one. Returns the query as it then stands.
  absl::StatusOr<QueryRecord> RequestCancel(const std::string& workspace, const std::string& id);
  // Which of the queries that this holder, or one named <holder>/…, runs were asked to stop.
  absl::StatusOr<std::vector<std::string>> CancelledOf(const std::string& holder);
  // Takes over a running query whose holder is gone, so that the holder, should it only be slow,
  // neither commits nor ends it. Nothing when there is none.
  absl::StatusOr<std::optional<Claimed>> ClaimAbandoned(const std::string& holder,
                                                        absl::Duration ttl);
  // Forgets queries that ended before `time`, `limit` at the most; how many.
  absl::StatusOr<int64_t> DeleteEndedBefore(absl::Time time, int64_t limit);

 private:
  PostgresPool& pool_;
};

}  // namespace tarn::query

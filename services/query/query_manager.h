// The life of queries: admission, the queue, running them in turn, cancelling, history and kept
// results. Two ways to run: Start queues a query that runs by itself and keeps its result; Execute
// runs one for a caller who reads its rows as they come.
//
// Threads: `max_concurrent` runners take queries from the queue, and as many Execute calls run at
// once; a keeper renews the leases of all that run here, looks for cancellations asked of other
// instances, and expires. Thread safe.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "common/auth/token_provider.h"
#include "common/rpc/call_context.h"
#include "services/query/query_metrics.h"
#include "services/query/query_options.h"
#include "services/query/query_store.h"
#include "services/query/result_store.h"
#include "services/query/statement_executor.h"

namespace tarn::query {

class QueryManager {
 public:
  QueryManager(QueryOptions options, QueryStore& store, ResultStore& results,
               StatementExecutor& executor, auth::TokenProvider& tokens, QueryMetrics& metrics);
  ~QueryManager();

  void Start();
  // Cancels what runs and ends the threads.
  void Stop();

  // INVALID_ARGUMENT for limits or parameters that are not allowed; RESOURCE_EXHAUSTED
  // (QUEUE_FULL).
  absl::StatusOr<QueryRecord> StartQuery(const auth::Caller& caller,
                                         const ::tarn::query::v1::Statement& statement,
                                         const std::string& request_id);

  // Runs a statement now. `on_begin` gets the query's record before its rows. Ends with the record
  // as it ended, or the error. A caller that has gone (IsCancelled) cancels it.
  absl::StatusOr<QueryRecord> Execute(
      const rpc::CallContext& call, const ::tarn::query::v1::Statement& statement, RowFormat format,
      const std::function<absl::Status(const QueryRecord&)>& on_begin, const RowSink& sink);

  // Waits up to `wait` for the query to end.
  absl::StatusOr<QueryRecord> Get(const auth::Caller& caller, const std::string& id,
                                  absl::Duration wait, const std::function<bool()>& gone);
  absl::StatusOr<QueryRecord> Cancel(const auth::Caller& caller, const std::string& id);
  absl::StatusOr<std::vector<QueryRecord>> List(const auth::Caller& caller, QueryFilter filter);
  // The rows of a query that succeeded. FAILED_PRECONDITION (QUERY_NOT_FINISHED,
  // QUERY_HAS_NO_RESULT).
  absl::Status ReadResult(
      const auth::Caller& caller, const std::string& id, int64_t skip, int64_t max_rows,
      const std::function<absl::Status(const QueryRecord&)>& on_begin,
      const std::function<absl::Status(std::string rows, int64_t count)>& on_rows);

 private:
  struct Running {
    Lease lease;
    std::atomic<bool> cancelled = false;
  };

  absl::StatusOr<QuerySpec> MakeSpec(const std::string& workspace, const std::string& user,
                                     const ::tarn::query::v1::Statement& statement) const;
  void RunnerLoop();
  void KeeperLoop();
  void RunClaimed(QueryStore::Claimed claimed);
  // Runs the statement and writes how it ended into `record` (not into the store).
  absl::Status RunStatement(QueryRecord& record, const rpc::Credentials& credentials,
                            Running& running, const RowSink& sink);
  std::shared_ptr<Running> Register(const std::string& id, const Lease& lease);
  void Unregister(const std::string& id);
  bool AcquireSlot(const std::function<bool()>& gone);
  void ReleaseSlot();

  const QueryOptions options_;
  QueryStore& store_;
  ResultStore& results_;
  StatementExecutor& executor_;
  auth::TokenProvider& tokens_;
  QueryMetrics& metrics_;
  const std::string holder_;

  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  // Raised whenever a query is queued or ends here.
  uint64_t generation_ = 0;
  int64_t free_slots_;
  std::map<std::string, std::shared_ptr<Running>> running_;
  std::vector<std::thread> threads_;
};

}  // namespace tarn::query

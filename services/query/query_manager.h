// The life of queries: admission, the queue, running them in turn, cancelling, history and kept
// results. Two ways to run: Start queues a query that runs by itself and keeps its result; Execute
// runs one for a caller who reads its rows as they come.
//
// Threads: `max_concurrent` runners take queries from the queue, and as many Execute calls run at
// once; a keeper renews the leases of all that run here, looks for cancellations asked of other
// instances, and fails queries whose holder is gone. Thread safe.
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
  // `is_open` tells whether the tables are there; until then the threads rest. All references
  // outlive it.
  QueryManager(QueryOptions options, QueryStore& store, ResultStore& results,
               StatementExecutor& executor, auth::TokenProvider& tokens, QueryMetrics& metrics,
               std::function<bool()> is_open);
  ~QueryManager();

  void Start();
  // Interrupts what runs, so that it fails with QUERY_INTERRUPTED, and ends the threads. What waits
  // is taken up by another instance or the next start.
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
    // Set before `cancelled` where nobody asked for it: the process ends, or the lease is lost.
    std::atomic<bool> interrupted = false;
    // What it has committed is not known: its end is not recorded, but found out once its lease is
    // over.
    bool in_doubt = false;
    void Interrupt();
  };

  void RunnerLoop(const std::string& holder);
  void KeeperLoop();
  // Ends queries whose holder is gone.
  void RecoveryLoop();
  // Writes into `record` how it ended: as succeeded where the catalog has its commit. An error when
  // that cannot be known now.
  absl::Status Settle(QueryRecord& record);
  void RunClaimed(QueryStore::Claimed claimed);
  // Runs the statement and writes how it ended into `record` (not into the store).
  absl::Status RunStatement(QueryRecord& record, const rpc::Credentials& credentials,
                            Running& running, const RowSink& sink);
  // OK while the query is still this process's to end.
  absl::Status ConfirmLease(Running& running);
  void RecordEnd(const QueryRecord& record, const Running& running);
  std::shared_ptr<Running> Register(const std::string& id, const Lease& lease);
  void Unregister(const std::string& id);
  bool AcquireSlot(const std::function<bool()>& gone);
  void ReleaseSlot();
  // Waits until a query is queued or ends here, at most so long; false once it stops.
  bool WaitForChange(uint64_t& seen, absl::Duration at_most);

  const QueryOptions options_;
  QueryStore& store_;
  ResultStore& results_;
  StatementExecutor& executor_;
  auth::TokenProvider& tokens_;
  QueryMetrics& metrics_;
  const std::function<bool()> is_open_;
  // Of all leases held here; each runner adds its number.
  const std::string holder_;

  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  absl::Time stop_time_ = absl::InfiniteFuture();
  // Raised whenever a query is queued or ends here.
  uint64_t generation_ = 0;
  int64_t free_slots_;
  std::map<std::string, std::shared_ptr<Running>> running_;
  std::vector<std::thread> threads_;
};

}  // namespace tarn::query

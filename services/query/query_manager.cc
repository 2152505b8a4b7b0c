#include "services/query/query_manager.h"

#include <algorithm>
#include <unistd.h>

#include <absl/strings/str_cat.h>
#include <google/protobuf/util/time_util.h>

#include "common/ids/ids.h"
#include "common/logging/logging.h"
#include "common/rpc/client.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/query/query_end.h"
#include "services/query/query_request.h"

namespace tarn::query {
namespace {

namespace v1 = ::tarn::query::v1;
using google::protobuf::util::TimeUtil;
using ::tarn::common::v1::ExecutionState;

constexpr absl::Duration kLeaseTtl = absl::Seconds(15);
constexpr absl::Duration kKeeperPeriod = absl::Milliseconds(500);
// Between two looks for queries whose holder is gone.
constexpr absl::Duration kRecoveryPeriod = absl::Seconds(1);
// How long the end of a query is tried to be recorded: without it the query would count as
// interrupted, and who asked would have to wait until that is found out.
constexpr absl::Duration kRecordEndPatience = absl::Seconds(30);
// The same once the process is to stop, for all queries together.
constexpr absl::Duration kStopPatience = absl::Seconds(3);

absl::Time ToTime(const google::protobuf::Timestamp& timestamp) {
  return absl::FromUnixSeconds(timestamp.seconds()) + absl::Nanoseconds(timestamp.nanos());
}

absl::Status Interrupted() {
  return Unavailable("QUERY_INTERRUPTED",
                     "the query service was stopped while the query ran; run it again");
}

}  // namespace

QueryManager::QueryManager(QueryOptions options, QueryStore& store, ResultStore& results,
                           StatementExecutor& executor, auth::TokenProvider& tokens,
                           QueryMetrics& metrics, std::function<bool()> is_open)
    : options_(std::move(options)),
      store_(store),
      results_(results),
      executor_(executor),
      tokens_(tokens),
      metrics_(metrics),
      is_open_(std::move(is_open)),
      holder_(absl::StrCat("query-", ::getpid(), "-", NewShortId())),
      free_slots_(options_.max_concurrent) {}

QueryManager::~QueryManager() { Stop(); }

void QueryManager::Start() {
  for (int64_t i = 0; i < options_.max_concurrent; ++i) {
    threads_.emplace_back([this, i] { RunnerLoop(absl::StrCat(holder_, "/", i)); });
  }
  threads_.emplace_back([this] { KeeperLoop(); });
  threads_.emplace_back([this] { RecoveryLoop(); });
}

void QueryManager::Stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    stop_time_ = absl::Now();
    for (auto& [id, running] : running_) running->Interrupt();
    changed_.notify_all();
  }
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

absl::StatusOr<QueryRecord> QueryManager::StartQuery(const auth::Caller& caller,
                                                     const v1::Statement& statement,
                                                     const std::string& request_id) {
  TARN_RETURN_IF_ERROR(MakeSpec(options_, caller.workspace, caller.user, statement).status());
  QueryRecord record;
  record.workspace = caller.workspace;
  record.id = NewUuid();
  record.statement = statement;
  record.query.set_name(absl::StrCat("queries/", record.id));
  record.query.set_user(caller.user);
  TARN_ASSIGN_OR_RETURN(QueryRecord stored,
                        store_.Enqueue(record, request_id, options_.max_queued));
  std::lock_guard lock(mutex_);
  ++generation_;
  changed_.notify_all();
  return stored;
}

// ---- Running

void QueryManager::Running::Interrupt() {
  if (!cancelled) interrupted = true;
  cancelled = true;
}

std::shared_ptr<QueryManager::Running> QueryManager::Register(const std::string& id,
                                                              const Lease& lease) {
  auto running = std::make_shared<Running>();
  running->lease = lease;
  std::lock_guard lock(mutex_);
  if (stopping_) running->Interrupt();
  running_[id] = running;
  metrics_.SetRunning(static_cast<int64_t>(running_.size()));
  return running;
}

void QueryManager::Unregister(const std::string& id) {
  std::lock_guard lock(mutex_);
  running_.erase(id);
  ++generation_;
  metrics_.SetRunning(static_cast<int64_t>(running_.size()));
  changed_.notify_all();
}

bool QueryManager::AcquireSlot(const std::function<bool()>& gone) {
  std::unique_lock lock(mutex_);
  while (free_slots_ == 0 && !stopping_ && !gone())
    changed_.wait_for(lock, std::chrono::milliseconds(100));
  if (stopping_ || free_slots_ == 0) return false;
  --free_slots_;
  return true;
}

void QueryManager::ReleaseSlot() {
  std::lock_guard lock(mutex_);
  ++free_slots_;
  changed_.notify_all();
}

absl::Status QueryManager::RunStatement(QueryRecord& record, const rpc::Credentials& credentials,
                                        Running& running, const RowSink& sink) {
  const absl::Time begin = absl::Now();
  const std::string user = record.query.user();
  QueryOutcome outcome;
  absl::Status status = [&]() -> absl::Status {
    TARN_ASSIGN_OR_RETURN(QuerySpec spec,
                          MakeSpec(options_, record.workspace, user, record.statement));
    ExecutionContext context;
    context.query_id = record.id;
    context.before_commit = [&] { return ConfirmLease(running); };
    context.stop.deadline = begin + spec.timeout;
    context.stop.cancelled = &running.cancelled;
    // The engine keeps to its limit but for single expressions; twice that and what it needs to
    // stand is too much.
    context.stop.max_resident_bytes = 2 * spec.max_memory_bytes + (int64_t{512} << 20);
    context.credentials = [&, latest = credentials]() mutable {
      // The provider caches; a caller's own token serves while it is young.
      if (latest.token.empty() || absl::Now() - begin > absl::Minutes(1)) {
        if (auto fresh = tokens_.TokenFor(record.workspace, user); fresh.ok())
          latest.token = *std::move(fresh);
      }
      return latest;
    };
    return executor_.Execute(spec, context, sink, &outcome);
  }();
  // Nobody asked for that: whoever repeats interrupted queries is to know.
  if (ErrorReason(status) == "QUERY_CANCELLED" && running.interrupted) status = Interrupted();
  if (outcome.commit_in_doubt) {
    running.in_doubt = true;
    status = MakeError(absl::StatusCode::kUnknown, "QUERY_OUTCOME_UNKNOWN",
                       absl::StrCat("the catalog could not be reached while the statement was "
                                    "committed; GetQuery of queries/",
                                    record.id, " tells what became of it once it is known (",
                                    status.message(), ")"));
  }
  FillOutcome(outcome, &record.query);
  const ExecutionState state = StateOf(status);
  record.query.set_state(state);
  if (!status.ok()) FillError(status, &record.query);
  metrics_.RecordEnd(std::string(StateName(state)), absl::Now() - begin, outcome.row_count,
                     outcome.bytes_read);
  return status;
}

void QueryManager::RunClaimed(QueryStore::Claimed claimed) {
  QueryRecord& record = claimed.record;
  std::shared_ptr<Running> running = Register(record.id, claimed.lease);
  const absl::Time day = ToTime(record.query.times().create_time());
  *record.query.mutable_statistics()->mutable_queue_time() =
      record.query.times().start_time() - record.query.times().create_time();

  std::unique_ptr<ResultStore::Writer> writer;
  RowSink sink;
  sink.on_columns = [&](const std::vector<ResultColumnInfo>&) -> absl::Status {
    TARN_ASSIGN_OR_RETURN(writer, results_.Create(record.workspace, day, record.id));
    return absl::OkStatus();
  };
  sink.on_rows = [&](std::string rows, int64_t) { return writer->Append(rows); };
  absl::Status status = RunStatement(record, {}, *running, sink);
  if (status.ok() && writer != nullptr) {
    status = writer->Commit();
    if (!status.ok()) {
      record.query.set_state(::tarn::common::v1::EXECUTION_STATE_FAILED);
      FillError(status, &record.query);
    }
  }
  RecordEnd(record, *running);
  Unregister(record.id);
}

absl::Status QueryManager::ConfirmLease(Running& running) {
  Lease lease = running.lease;
  const absl::Status held =
      rpc::RetryUnavailable({}, [&] { return store_.Renew(lease, kLeaseTtl); });
  if (ErrorReason(held) != "LEASE_LOST") return held;
  running.Interrupt();
  return Unavailable("QUERY_INTERRUPTED",
                     "the query was taken for dead and failed by another instance, so it wrote "
                     "nothing; run it again");
}

void QueryManager::RecordEnd(const QueryRecord& record, const Running& running) {
  if (running.in_doubt) return;
  const absl::Time begin = absl::Now();
  absl::Status finished;
  while (true) {
    finished = store_.Finish(record, running.lease);
    if (!absl::IsUnavailable(finished) && !absl::IsUnknown(finished)) break;
    std::unique_lock lock(mutex_);
    const absl::Time until = std::min(begin + kRecordEndPatience, stop_time_ + kStopPatience);
    if (absl::Now() >= until) break;
    changed_.wait_for(lock, std::chrono::milliseconds(250), [this] { return stopping_; });
  }
  if (!finished.ok()) {
    logging::Warn("query", "the end of a query was not recorded", finished, {{"query", record.id}});
  }
}

bool QueryManager::WaitForChange(uint64_t& seen, absl::Duration at_most) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, absl::ToChronoMilliseconds(at_most),
                    [&] { return stopping_ || generation_ != seen; });
  seen = generation_;
  return !stopping_;
}

void QueryManager::RunnerLoop(const std::string& holder) {
  uint64_t seen = 0;
  bool complained = false;
  // Whether a claim may have been made whose answer was lost.
  bool in_doubt = false;
  while (true) {
    if (!AcquireSlot([] { return false; })) return;
    absl::StatusOr<std::optional<QueryStore::Claimed>> claimed = std::nullopt;
    if (is_open_()) {
      if (in_doubt) claimed = store_.FindHeld(holder, kLeaseTtl);
      if (claimed.ok() && !claimed->has_value()) claimed = store_.ClaimNext(holder, kLeaseTtl);
      in_doubt = in_doubt ? !claimed.ok() : absl::IsUnknown(claimed.status());
    }
    if (claimed.ok() && claimed->has_value()) {
      RunClaimed(std::move(**claimed));
      ReleaseSlot();
      continue;
    }
    ReleaseSlot();
    if (!claimed.ok() && !complained) {
      logging::Warn("query", "waiting queries cannot be read; trying again", claimed.status());
    }
    complained = !claimed.ok();
    if (!WaitForChange(seen, absl::Milliseconds(500))) return;
  }
}

void QueryManager::KeeperLoop() {
  std::map<std::string, absl::Time> renewed;
  while (true) {
    std::vector<std::pair<std::string, std::shared_ptr<Running>>> running;
    {
      std::unique_lock lock(mutex_);
      changed_.wait_for(lock, absl::ToChronoMilliseconds(kKeeperPeriod),
                        [&] { return stopping_ && running_.empty(); });
      if (stopping_ && running_.empty()) return;
      running.assign(running_.begin(), running_.end());
    }
    if (!is_open_()) continue;
    if (!running.empty()) {
      if (auto cancelled = store_.CancelledOf(holder_); cancelled.ok()) {
        for (auto& [id, entry] : running) {
          if (std::find(cancelled->begin(), cancelled->end(), id) != cancelled->end())
            entry->cancelled = true;
        }
      }
    }
    for (auto& [id, entry] : running) {
      if (absl::Now() - renewed[id] < kLeaseTtl / 3) continue;
      Lease lease = entry->lease;
      absl::Status status = store_.Renew(lease, kLeaseTtl);
      if (status.ok()) renewed[id] = absl::Now();
      // Somebody has failed the query: what it does now is for nothing.
      if (ErrorReason(status) == "LEASE_LOST") entry->Interrupt();
    }
    if (running.empty()) renewed.clear();
  }
}

void QueryManager::RecoveryLoop() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    lock.unlock();
    absl::StatusOr<std::optional<QueryStore::Claimed>> claimed = std::nullopt;
    if (is_open_()) claimed = store_.ClaimAbandoned(holder_ + "/recovery", kLeaseTtl);
    if (claimed.ok() && claimed->has_value()) {
      QueryRecord& record = (*claimed)->record;
      absl::Status settled = Settle(record);
      if (settled.ok()) settled = store_.Finish(record, (*claimed)->lease);
      if (!settled.ok()) {
        // It comes again when the lease is over.
        logging::Warn("query", "how an interrupted query ended is not known yet", settled,
                      {{"query", record.id}});
      }
    }
    lock.lock();
    if (claimed.ok() && claimed->has_value()) continue;
    changed_.wait_for(lock, absl::ToChronoMilliseconds(kRecoveryPeriod),
                      [this] { return stopping_; });
  }
}

absl::Status QueryManager::Settle(QueryRecord& record) {
  const auto committed = [&]() -> absl::StatusOr<std::optional<QueryOutcome>> {
    const std::string user = record.query.user();
    const auto spec = MakeSpec(options_, record.workspace, user, record.statement);
    if (!spec.ok()) return std::nullopt;  // under these limits it never began
    TARN_ASSIGN_OR_RETURN(std::string token, tokens_.TokenFor(record.workspace, user));
    return executor_.FindCommitted(*spec, record.id, ToTime(record.query.times().start_time()),
                                   {.token = std::move(token)});
  }();
  if (committed.ok() && committed->has_value()) {
    FillOutcome(**committed, &record.query);
    record.query.set_state(::tarn::common::v1::EXECUTION_STATE_SUCCEEDED);
    return absl::OkStatus();
  }
  const absl::StatusCode code = committed.status().code();
  const bool refused = code == absl::StatusCode::kPermissionDenied ||
                       code == absl::StatusCode::kUnauthenticated ||
                       code == absl::StatusCode::kNotFound;
  if (!committed.ok() && !refused) return committed.status();
  record.query.set_state(::tarn::common::v1::EXECUTION_STATE_FAILED);
  FillError(Unavailable("QUERY_INTERRUPTED",
                        refused ? absl::StrCat("the query service ended while the query ran, and "
                                               "whether it has written cannot be told (",
                                               committed.status().message(),
                                               "); look for this query in the summaries of its "
                                               "table's snapshots before it is run again")
                                : "the query service ended while the query ran, and it has written "
                                  "nothing; run it again"),
            &record.query);
  return absl::OkStatus();
}

absl::StatusOr<QueryRecord> QueryManager::Execute(
    const rpc::CallContext& call, const v1::Statement& statement, RowFormat format,
    const std::function<absl::Status(const QueryRecord&)>& on_begin, const RowSink& sink) {
  TARN_RETURN_IF_ERROR(
      MakeSpec(options_, call.caller.workspace, call.caller.user, statement).status());
  QueryRecord record;
  record.workspace = call.caller.workspace;
  record.id = NewUuid();
  record.statement = statement;
  record.query.set_name(absl::StrCat("queries/", record.id));
  record.query.set_user(call.caller.user);
  record.query.set_sql(statement.sql());
  record.query.set_source(statement.source());
  record.query.set_state(::tarn::common::v1::EXECUTION_STATE_RUNNING);
  if (!AcquireSlot([&call] { return call.IsCancelled(); })) {
    return Unavailable("QUERY_NOT_ADMITTED", "no place for the query came free in time; try again");
  }
  auto lease = store_.InsertRunning(record, holder_, kLeaseTtl);
  if (!lease.ok()) {
    ReleaseSlot();
    return lease.status();
  }
  std::shared_ptr<Running> running = Register(record.id, *lease);
  RowSink watched = sink;
  watched.format = format;
  // A caller that has gone makes the next batch fail; without rows, the keeper of the call cancels.
  watched.on_rows = [&](std::string data, int64_t rows) -> absl::Status {
    if (call.IsCancelled())
      return MakeError(absl::StatusCode::kCancelled, "QUERY_CANCELLED", "the caller has gone");
    return sink.on_rows(std::move(data), rows);
  };
  absl::Status status = on_begin(record);
  std::atomic<bool> done = false;
  std::thread watcher([&] {
    while (!done) {
      if (call.IsCancelled()) running->cancelled = true;
      absl::SleepFor(absl::Milliseconds(20));
    }
  });
  if (status.ok()) status = RunStatement(record, call.credentials(), *running, watched);
  done = true;
  watcher.join();
  RecordEnd(record, *running);
  Unregister(record.id);
  ReleaseSlot();
  if (!status.ok()) return status;
  return record;
}

// ---- Reading

absl::StatusOr<QueryRecord> QueryManager::Get(const auth::Caller& caller, const std::string& id,
                                              absl::Duration wait,
                                              const std::function<bool()>& gone) {
  const absl::Time until = absl::Now() + std::min(wait, absl::Seconds(30));
  while (true) {
    uint64_t seen = 0;
    {
      std::lock_guard lock(mutex_);
      seen = generation_;
    }
    TARN_ASSIGN_OR_RETURN(QueryRecord record, store_.Get(caller.workspace, id));
    // A statement's text may show what only its author may see.
    if (record.query.user() != caller.user && !caller.IsAdmin() && !caller.IsService()) {
      return PermissionDenied("NOT_YOUR_QUERY",
                              "a query is shown to who asked it, or to an administrator");
    }
    if (IsTerminal(record.query.state()) || absl::Now() >= until || gone()) return record;
    std::unique_lock lock(mutex_);
    // Another instance may run it, so the store is asked again now and then.
    changed_.wait_for(lock, std::chrono::milliseconds(100),
                      [&] { return stopping_ || generation_ != seen; });
    if (stopping_) return record;
  }
}

absl::StatusOr<QueryRecord> QueryManager::Cancel(const auth::Caller& caller,
                                                 const std::string& id) {
  TARN_ASSIGN_OR_RETURN(QueryRecord known, store_.Get(caller.workspace, id));
  if (known.query.user() != caller.user && !caller.IsAdmin()) {
    return PermissionDenied("NOT_YOUR_QUERY",
                            "a query is cancelled by who asked it, or by an administrator");
  }
  {
    std::lock_guard lock(mutex_);
    if (auto running = running_.find(id); running != running_.end())
      running->second->cancelled = true;
  }
  return store_.RequestCancel(caller.workspace, id);
}

absl::StatusOr<std::vector<QueryRecord>> QueryManager::List(const auth::Caller& caller,
                                                            QueryFilter filter) {
  filter.workspace = caller.workspace;
  // Others' statements may show what their authors may see.
  if (!caller.IsAdmin()) filter.user = caller.user;
  return store_.List(filter);
}

absl::Status QueryManager::ReadResult(
    const auth::Caller& caller, const std::string& id, int64_t skip, int64_t max_rows,
    const std::function<absl::Status(const QueryRecord&)>& on_begin,
    const std::function<absl::Status(std::string, int64_t)>& on_rows) {
  TARN_ASSIGN_OR_RETURN(QueryRecord record, store_.Get(caller.workspace, id));
  if (record.query.user() != caller.user && !caller.IsAdmin()) {
    return PermissionDenied("NOT_YOUR_QUERY",
                            "a result is read by who asked the query, or by an administrator");
  }
  if (record.query.state() != ::tarn::common::v1::EXECUTION_STATE_SUCCEEDED) {
    return FailedPrecondition("QUERY_NOT_FINISHED",
                              absl::StrCat("query ", id,
                                           " has not succeeded; GetQuery tells its "
                                           "state"));
  }
  if (record.query.columns().empty()) {
    return FailedPrecondition("QUERY_HAS_NO_RESULT",
                              absl::StrCat("query ", id, " returned no rows to fetch"));
  }
  TARN_RETURN_IF_ERROR(on_begin(record));
  return results_.Read(record.workspace, ToTime(record.query.times().create_time()), id, skip,
                       max_rows, on_rows);
}

}  // namespace tarn::query

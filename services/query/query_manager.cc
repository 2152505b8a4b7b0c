#include "services/query/query_manager.h"

#include <algorithm>
#include <unistd.h>

#include <absl/strings/str_cat.h>
#include <google/protobuf/util/time_util.h>

#include "common/ids/ids.h"
#include "common/logging/logging.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"

namespace tarn::query {
namespace {

namespace v1 = ::tarn::query::v1;
using google::protobuf::util::TimeUtil;
using ::tarn::common::v1::ExecutionState;

constexpr absl::Duration kLeaseTtl = absl::Seconds(15);
constexpr absl::Duration kKeeperPeriod = absl::Milliseconds(500);
constexpr absl::Duration kExpiryPeriod = absl::Minutes(30);
constexpr size_t kMaxSqlBytes = 1 << 20;

v1::StatementType TypeOf(StatementKind kind) {
  switch (kind) {
    case StatementKind::kSelect:
      return v1::STATEMENT_TYPE_SELECT;
    case StatementKind::kCreateTable:
      return v1::STATEMENT_TYPE_CREATE_TABLE;
    case StatementKind::kCreateTableAs:
      return v1::STATEMENT_TYPE_CREATE_TABLE_AS;
    case StatementKind::kInsert:
      return v1::STATEMENT_TYPE_INSERT;
    case StatementKind::kInsertOverwrite:
      return v1::STATEMENT_TYPE_INSERT_OVERWRITE;
    case StatementKind::kCreateView:
      return v1::STATEMENT_TYPE_CREATE_VIEW;
    case StatementKind::kDropTable:
    case StatementKind::kDropView:
    case StatementKind::kDropDatabase:
      return v1::STATEMENT_TYPE_DROP;
    case StatementKind::kCreateDatabase:
      return v1::STATEMENT_TYPE_CREATE_DATABASE;
    case StatementKind::kExplain:
      return v1::STATEMENT_TYPE_EXPLAIN;
    default:
      return v1::STATEMENT_TYPE_DESCRIBE;
  }
}

google::protobuf::Duration ToProto(absl::Duration duration) {
  return TimeUtil::MicrosecondsToDuration(absl::ToInt64Microseconds(duration));
}

absl::Time ToTime(const google::protobuf::Timestamp& timestamp) {
  return absl::FromUnixSeconds(timestamp.seconds()) + absl::Nanoseconds(timestamp.nanos());
}

void FillOutcome(const QueryOutcome& outcome, v1::Query* query) {
  if (outcome.kind_known) query->set_statement_type(TypeOf(outcome.kind));
  v1::QueryStatistics* statistics = query->mutable_statistics();
  *statistics->mutable_planning_time() = ToProto(outcome.planning_time);
  *statistics->mutable_execution_time() = ToProto(outcome.execution_time);
  statistics->set_row_count(outcome.row_count);
  statistics->set_bytes_read(outcome.bytes_read);
  statistics->set_files_read(outcome.files_read);
  statistics->set_files_skipped(outcome.files_skipped);
  for (const ResultColumnInfo& column : outcome.columns) {
    v1::ResultColumn* described = query->add_columns();
    described->set_name(column.name);
    described->set_type(column.type);
  }
  for (const std::string& snapshot : outcome.snapshots) query->add_snapshots(snapshot);
  query->set_export_path(outcome.export_path);
  query->set_written_snapshot(outcome.written_snapshot);
}

ExecutionState StateOf(const absl::Status& status) {
  if (status.ok()) return ::tarn::common::v1::EXECUTION_STATE_SUCCEEDED;
  if (ErrorReason(status) == "QUERY_CANCELLED")
    return ::tarn::common::v1::EXECUTION_STATE_CANCELLED;
  if (ErrorReason(status) == "QUERY_TIMED_OUT")
    return ::tarn::common::v1::EXECUTION_STATE_TIMED_OUT;
  return ::tarn::common::v1::EXECUTION_STATE_FAILED;
}

std::string_view StateName(ExecutionState state) {
  switch (state) {
    case ::tarn::common::v1::EXECUTION_STATE_SUCCEEDED:
      return "SUCCEEDED";
    case ::tarn::common::v1::EXECUTION_STATE_CANCELLED:
      return "CANCELLED";
    case ::tarn::common::v1::EXECUTION_STATE_TIMED_OUT:
      return "TIMED_OUT";
    default:
      return "FAILED";
  }
}

// Who ended a query writes its end with; a shared result of the caller's mistakes and ours.
void FillError(const absl::Status& status, v1::Query* query) {
  auto* error = query->mutable_error();
  error->set_code(static_cast<int>(status.code()));
  error->set_reason(ErrorReason(status));
  error->set_message(std::string(status.message()));
  for (auto& [key, value] : ErrorMetadataOf(status)) (*error->mutable_metadata())[key] = value;
}

// The end is worth some patience: without it the query would count as interrupted, and who asked it
// would repeat what it has written.
void RecordEnd(QueryStore& store, const QueryRecord& record, const Lease& lease) {
  absl::Status finished;
  for (int attempt = 0; attempt < 20; ++attempt) {
    finished = store.Finish(record, lease);
    if (finished.code() != absl::StatusCode::kUnavailable &&
        finished.code() != absl::StatusCode::kUnknown) {
      break;
    }
    absl::SleepFor(absl::Milliseconds(250));
  }
  if (!finished.ok()) {
    logging::Warn("query", "the end of a query was not recorded", finished, {{"query", record.id}});
  }
}

absl::StatusOr<nlohmann::json> ParameterJson(const std::string& name,
                                             const google::protobuf::Value& value) {
  switch (value.kind_case()) {
    case google::protobuf::Value::kStringValue:
      return nlohmann::json(value.string_value());
    case google::protobuf::Value::kNumberValue:
      return nlohmann::json(value.number_value());
    case google::protobuf::Value::kBoolValue:
      return nlohmann::json(value.bool_value());
    case google::protobuf::Value::kNullValue:
    case google::protobuf::Value::KIND_NOT_SET:
      return nlohmann::json(nullptr);
    default:
      return InvalidFields(
          {{absl::StrCat("statement.parameters.", name),
            "is a list or an object; give a string, a number, a boolean or null"}});
  }
}

}  // namespace

QueryManager::QueryManager(QueryOptions options, QueryStore& store, ResultStore& results,
                           StatementExecutor& executor, auth::TokenProvider& tokens,
                           QueryMetrics& metrics)
    : options_(std::move(options)),
      store_(store),
      results_(results),
      executor_(executor),
      tokens_(tokens),
      metrics_(metrics),
      holder_(absl::StrCat("query-", ::getpid(), "-", NewShortId())),
      free_slots_(options_.max_concurrent) {}

QueryManager::~QueryManager() { Stop(); }

void QueryManager::Start() {
  for (int64_t i = 0; i < options_.max_concurrent; ++i)
    threads_.emplace_back([this] { RunnerLoop(); });
  threads_.emplace_back([this] { KeeperLoop(); });
}

void QueryManager::Stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    for (auto& [id, running] : running_) running->cancelled = true;
    changed_.notify_all();
  }
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

absl::StatusOr<QuerySpec> QueryManager::MakeSpec(const std::string& workspace,
                                                 const std::string& user,
                                                 const v1::Statement& statement) const {
  std::vector<FieldViolation> violations;
  if (statement.sql().empty()) violations.push_back({"statement.sql", "is required"});
  if (statement.sql().size() > kMaxSqlBytes)
    violations.push_back({"statement.sql", "is longer than 1 MiB"});
  if (statement.source().size() > 200)
    violations.push_back({"statement.source", "is longer than 200 characters"});
  if (statement.commit_key().size() > 200) {
    violations.push_back({"statement.commit_key", "is longer than 200 characters"});
  }
  const v1::QueryLimits& limits = statement.limits();
  if (limits.max_rows() < 0) violations.push_back({"statement.limits.max_rows", "is negative"});
  if (limits.max_memory_bytes() < 0)
    violations.push_back({"statement.limits.max_memory_bytes", "is negative"});
  if (!violations.empty()) return InvalidFields(std::move(violations));

  QuerySpec spec;
  spec.workspace = workspace;
  spec.user = user;
  spec.sql = statement.sql();
  spec.default_database = statement.default_database();
  spec.time_zone = statement.time_zone();
  spec.source = statement.source();
  spec.commit_key = statement.commit_key();
  spec.export_format = statement.export_().format();
  spec.export_file_name = statement.export_().file_name();
  for (const auto& [name, value] : statement.parameters()) {
    TARN_ASSIGN_OR_RETURN(spec.parameters[name], ParameterJson(name, value));
  }
  spec.timeout = options_.timeout;
  if (limits.has_timeout()) {
    const absl::Duration asked =
        absl::Seconds(limits.timeout().seconds()) + absl::Nanoseconds(limits.timeout().nanos());
    if (asked > absl::ZeroDuration()) spec.timeout = std::min(asked, options_.timeout);
  }
  spec.max_rows =
      limits.max_rows() > 0 ? std::min(limits.max_rows(), options_.max_rows) : options_.max_rows;
  const int64_t memory = options_.memory_per_query.bytes;
  spec.max_memory_bytes =
      limits.max_memory_bytes() > 0 ? std::min(limits.max_memory_bytes(), memory) : memory;
  return spec;
}

absl::StatusOr<QueryRecord> QueryManager::StartQuery(const auth::Caller& caller,
                                                     const v1::Statement& statement,
                                                     const std::string& request_id) {
  TARN_RETURN_IF_ERROR(MakeSpec(caller.workspace, caller.user, statement).status());
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

std::shared_ptr<QueryManager::Running> QueryManager::Register(const std::string& id,
                                                              const Lease& lease) {
  auto running = std::make_shared<Running>();
  running->lease = lease;
  std::lock_guard lock(mutex_);
  running->cancelled = stopping_;
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
    TARN_ASSIGN_OR_RETURN(QuerySpec spec, MakeSpec(record.workspace, user, record.statement));
    ExecutionContext context;
    context.query_id = record.id;
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
  if (ErrorReason(status) == "QUERY_CANCELLED") {
    std::lock_guard lock(mutex_);
    // Nobody asked for that: whoever repeats interrupted queries is to know.
    if (stopping_) {
      status = Unavailable("QUERY_INTERRUPTED",
                           "the query service was stopped while the query ran; run it again");
    }
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
  RecordEnd(store_, record, running->lease);
  Unregister(record.id);
}

void QueryManager::RunnerLoop() {
  uint64_t seen = 0;
  bool complained = false;
  while (true) {
    if (!AcquireSlot([] { return false; })) return;
    auto claimed = store_.ClaimNext(holder_, kLeaseTtl);
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
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::milliseconds(500),
                      [&] { return stopping_ || generation_ != seen; });
    seen = generation_;
    if (stopping_) return;
  }
}

void QueryManager::KeeperLoop() {
  absl::Time next_expiry = absl::Now();
  absl::Time last_removal = absl::InfinitePast();
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
      if (ErrorReason(status) == "LEASE_LOST") entry->cancelled = true;
    }
    if (running.empty()) renewed.clear();
    if (absl::Now() < next_expiry) continue;
    next_expiry = absl::Now() + kLeaseTtl;
    (void)store_.FailAbandoned();
    if (absl::Now() - last_removal > kExpiryPeriod) {
      last_removal = absl::Now();
      (void)store_.DeleteEndedBefore(absl::Now() - options_.history_retention);
      results_.RemoveBefore(absl::Now() - options_.result_retention);
    }
  }
}

absl::StatusOr<QueryRecord> QueryManager::Execute(
    const rpc::CallContext& call, const v1::Statement& statement, RowFormat format,
    const std::function<absl::Status(const QueryRecord&)>& on_begin, const RowSink& sink) {
  TARN_RETURN_IF_ERROR(MakeSpec(call.caller.workspace, call.caller.user, statement).status());
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
  RecordEnd(store_, record, running->lease);
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

#include "services/query/query_store.h"

#include <google/protobuf/util/json_util.h>

#include "common/idempotency/idempotency.h"
#include "common/names/names.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"

namespace tarn::query {
namespace {

using ::tarn::common::v1::ExecutionState;

constexpr char kColumns[] =
    "workspace, query_id, user_name, state, statement, detail, cancel_requested, create_time, "
    "start_time, end_time";

std::string ToJson(const google::protobuf::Message& message) {
  std::string json;
  // Cannot fail for messages of our own.
  (void)google::protobuf::util::MessageToJsonString(message, &json);
  return json;
}

// Query without what stands in columns of its own.
std::string DetailJson(const ::tarn::query::v1::Query& query) {
  ::tarn::query::v1::Query detail = query;
  detail.clear_name();
  detail.clear_sql();
  detail.clear_state();
  detail.clear_times();
  detail.clear_user();
  detail.clear_source();
  detail.clear_default_database();
  return ToJson(detail);
}

void SetTime(const std::optional<absl::Time>& time,
             google::protobuf::Timestamp* (*mutable_time)(void*), void* self) {
  if (!time.has_value()) return;
  google::protobuf::Timestamp* out = mutable_time(self);
  const int64_t micros = absl::ToUnixMicros(*time);
  out->set_seconds(micros / 1'000'000);
  out->set_nanos(static_cast<int>(micros % 1'000'000) * 1000);
}

QueryRecord FromRow(const Row& row) {
  QueryRecord record;
  record.workspace = row.Get<std::string>("workspace");
  record.id = row.Get<std::string>("query_id");
  record.cancel_requested = row.Get<bool>("cancel_requested");
  google::protobuf::util::JsonParseOptions lenient;
  lenient.ignore_unknown_fields = true;
  (void)google::protobuf::util::JsonStringToMessage(row.Get<std::string>("detail"), &record.query,
                                                    lenient);
  (void)google::protobuf::util::JsonStringToMessage(row.Get<std::string>("statement"),
                                                    &record.statement, lenient);
  record.query.set_name(names::Format("queries/{query}", {record.id}));
  record.query.set_state(static_cast<ExecutionState>(row.Get<int>("state")));
  record.query.set_user(row.Get<std::string>("user_name"));
  record.query.set_sql(record.statement.sql());
  record.query.set_source(record.statement.source());
  record.query.set_default_database(record.statement.default_database());
  auto* times = record.query.mutable_times();
  using Times = ::tarn::common::v1::ExecutionTimes;
  SetTime(
      row.Get<absl::Time>("create_time"),
      [](void* t) { return static_cast<Times*>(t)->mutable_create_time(); }, times);
  SetTime(
      row.Get<std::optional<absl::Time>>("start_time"),
      [](void* t) { return static_cast<Times*>(t)->mutable_start_time(); }, times);
  SetTime(
      row.Get<std::optional<absl::Time>>("end_time"),
      [](void* t) { return static_cast<Times*>(t)->mutable_end_time(); }, times);
  return record;
}

absl::Status QueryNotFound(const std::string& id) {
  return NotFound("QUERY_NOT_FOUND", "there is no query " + id + "; its history may have expired",
                  {{"query", id}});
}

std::string InsertSql(const std::string& extra_columns, const std::string& extra_values) {
  return "INSERT INTO query.queries (workspace, query_id, user_name, state, statement, detail, "
         "attached" +
         extra_columns + ") VALUES ($1, $2, $3, $4, $5::jsonb, $6::jsonb, $7" + extra_values + ")";
}

}  // namespace

const LeaseTable kQueriesTable = {"query.queries", {"workspace", "query_id"}};

bool IsTerminal(ExecutionState state) {
  return state >= ::tarn::common::v1::EXECUTION_STATE_SUCCEEDED;
}

absl::StatusOr<QueryRecord> QueryStore::Enqueue(const QueryRecord& record,
                                                const std::string& request_id, int64_t max_queued) {
  TARN_ASSIGN_OR_RETURN(::tarn::query::v1::Query stored, pool_.Run([&](Transaction& txn) {
    const idempotency::RequestKey key = {record.workspace, record.query.user(),
                                         "tarn.query.v1.QueryService/StartQuery", request_id};
    return idempotency::Once<::tarn::query::v1::Query>(
        txn, "query", key, record.statement, [&]() -> absl::StatusOr<::tarn::query::v1::Query> {
          const auto waiting =
              txn.Exec("SELECT count(*) AS waiting FROM query.queries WHERE state = 1")
                  .One()
                  .Get<int64_t>("waiting");
          if (waiting >= max_queued) {
            return ResourceExhausted("QUEUE_FULL",
                                     "too many queries wait; try again when some have ended");
          }
          txn.Exec(InsertSql("", ""), record.workspace, record.id, record.query.user(),
                   static_cast<int>(::tarn::common::v1::EXECUTION_STATE_QUEUED),
                   ToJson(record.statement), DetailJson(record.query), false);
          return FromRow(txn.Exec(std::string("SELECT ") + kColumns +
                                      " FROM query.queries WHERE workspace = $1 AND query_id = $2",
                                  record.workspace, record.id)
                             .One())
              .query;
        });
  }));
  TARN_ASSIGN_OR_RETURN(std::vector<std::string> parts,
                        names::Parse("queries/{query}", stored.name()));
  return Get(record.workspace, parts[0]);
}

absl::StatusOr<Lease> QueryStore::InsertRunning(const QueryRecord& record,
                                                const std::string& holder, absl::Duration ttl) {
  Lease lease;
  lease.key = {record.workspace, record.id};
  lease.holder = holder;
  lease.epoch = 1;
  lease.expires_at = absl::Now() + ttl;
  TARN_RETURN_IF_ERROR(pool_.RunAutocommit([&](Transaction& txn) -> absl::Status {
    txn.ExecPrepared(InsertSql(", start_time, lease_holder, lease_epoch, lease_expires_at",
                               ", now(), $8, 1, now() + make_interval(secs => $9)"),
                     record.workspace, record.id, record.query.user(),
                     static_cast<int>(::tarn::common::v1::EXECUTION_STATE_RUNNING),
                     ToJson(record.statement), DetailJson(record.query), true, holder,
                     absl::ToDoubleSeconds(ttl));
    return absl::OkStatus();
  }));
  return lease;
}

absl::StatusOr<std::optional<QueryStore::Claimed>> QueryStore::ClaimNext(const std::string& holder,
                                                                         absl::Duration ttl) {
  return pool_.Run([&](Transaction& txn) -> absl::StatusOr<std::optional<Claimed>> {
    ClaimFilter filter;
    filter.where = "state = 1";
    filter.order_by = "create_time";
    std::optional<Lease> lease = tarn::ClaimNext(txn, kQueriesTable, holder, ttl, filter);
    if (!lease.has_value()) return std::optional<Claimed>();
    Row row = txn.Exec(std::string("UPDATE query.queries SET state = 2, start_time = now() WHERE "
                                   "workspace = $1 AND "
                                   "query_id = $2 RETURNING ") +
                           kColumns,
                       lease->key[0], lease->key[1])
                  .One();
    return std::optional<Claimed>(Claimed{FromRow(row), *std::move(lease)});
  });
}

absl::StatusOr<std::optional<QueryStore::Claimed>> QueryStore::ClaimAbandoned(
    const std::string& holder, absl::Duration ttl) {
  return pool_.Run([&](Transaction& txn) -> absl::StatusOr<std::optional<Claimed>> {
    ClaimFilter filter;
    filter.where = "state = 2";
    filter.order_by = "create_time";
    std::optional<Lease> lease = tarn::ClaimNext(txn, kQueriesTable, holder, ttl, filter);
    if (!lease.has_value()) return std::optional<Claimed>();
    const Row row = txn.Exec(std::string("SELECT ") + kColumns +
                                 " FROM query.queries WHERE workspace = $1 AND query_id = $2",
                             lease->key[0], lease->key[1])
                        .One();
    return std::optional<Claimed>(Claimed{FromRow(row), *std::move(lease)});
  });
}

absl::StatusOr<std::optional<QueryStore::Claimed>> QueryStore::FindHeld(const std::string& holder,
                                                                        absl::Duration ttl) {
  return pool_.Run([&](Transaction& txn) -> absl::StatusOr<std::optional<Claimed>> {
    const std::optional<Row> row =
        txn.Exec(std::string("SELECT lease_epoch, ") + kColumns +
                     " FROM query.queries WHERE state = 2 AND lease_holder = $1 FOR UPDATE",
                 holder)
            .First();
    if (!row.has_value()) return std::optional<Claimed>();
    Claimed claimed{FromRow(*row), {}};
    claimed.lease.key = {claimed.record.workspace, claimed.record.id};
    claimed.lease.holder = holder;
    claimed.lease.epoch = row->Get<int64_t>("lease_epoch");
    TARN_RETURN_IF_ERROR(tarn::Renew(txn, kQueriesTable, claimed.lease, ttl));
    return std::optional<Claimed>(std::move(claimed));
  });
}

absl::Status QueryStore::Finish(const QueryRecord& record, const Lease& lease) {
  return pool_.RunAutocommit([&](Transaction& txn) -> absl::Status {
    const Result updated = txn.ExecPrepared(
        "UPDATE query.queries SET state = $3, detail = $4::jsonb, end_time = now(), lease_holder = "
        "NULL, "
        "lease_expires_at = NULL WHERE workspace = $1 AND query_id = $2 AND lease_epoch = $5 AND "
        "state IN (1, 2)",
        record.workspace, record.id, static_cast<int>(record.query.state()),
        DetailJson(record.query), lease.epoch);
    return updated.affected_rows() == 1 ? absl::OkStatus() : LeaseLost(kQueriesTable, lease);
  });
}

absl::Status QueryStore::Renew(Lease& lease, absl::Duration ttl) {
  return pool_.Run([&](Transaction& txn) { return tarn::Renew(txn, kQueriesTable, lease, ttl); });
}

absl::StatusOr<QueryRecord> QueryStore::Get(const std::string& workspace, const std::string& id) {
  return pool_.RunAutocommit([&](Transaction& txn) -> absl::StatusOr<QueryRecord> {
    const std::optional<Row> row =
        txn.ExecPrepared(std::string("SELECT ") + kColumns +
                             " FROM query.queries WHERE workspace = $1 AND query_id = $2",
                         workspace, id)
            .First();
    if (!row.has_value()) return QueryNotFound(id);
    return FromRow(*row);
  });
}

absl::StatusOr<std::vector<QueryRecord>> QueryStore::List(const QueryFilter& filter) {
  return pool_.RunAutocommit([&](Transaction& txn) -> absl::StatusOr<std::vector<QueryRecord>> {
    const Result rows = txn.Exec(
        std::string("SELECT ") + kColumns +
            " FROM query.queries WHERE workspace = $1 AND ($2 = '' OR user_name = $2) AND ($3::int "
            "= 0 OR state = $3::int)"
            " AND ($4::timestamptz IS NULL OR (create_time, query_id) < ($4::timestamptz, $5))"
            " AND ($7 = '' OR statement ->> 'source' = $7 OR"
            " ($7 LIKE '%/' AND starts_with(statement ->> 'source', $7)))"
            " ORDER BY create_time DESC, query_id DESC LIMIT $6",
        filter.workspace, filter.user, static_cast<int>(filter.state), filter.before_time,
        filter.before_id, filter.limit, filter.source);
    std::vector<QueryRecord> records;
    for (Row row : rows) records.push_back(FromRow(row));
    return records;
  });
}

absl::StatusOr<QueryRecord> QueryStore::RequestCancel(const std::string& workspace,
                                                      const std::string& id) {
  TARN_RETURN_IF_ERROR(pool_.RunAutocommit([&](Transaction& txn) -> absl::Status {
    txn.Exec(
        "UPDATE query.queries SET cancel_requested = true, "
        "state = CASE WHEN state = 1 THEN 5 ELSE state END, "
        "end_time = CASE WHEN state = 1 THEN now() ELSE end_time END "
        "WHERE workspace = $1 AND query_id = $2 AND state IN (1, 2)",
        workspace, id);
    return absl::OkStatus();
  }));
  return Get(workspace, id);
}

absl::StatusOr<std::vector<std::string>> QueryStore::CancelledOf(const std::string& holder) {
  return pool_.RunAutocommit([&](Transaction& txn) -> absl::StatusOr<std::vector<std::string>> {
    std::vector<std::string> ids;
    for (Row row : txn.ExecPrepared("SELECT query_id FROM query.queries WHERE state = 2 AND "
                                    "cancel_requested AND (lease_holder = $1 OR "
                                    "starts_with(lease_holder, $1 || '/'))",
                                    holder)) {
      ids.push_back(row.Get<std::string>("query_id"));
    }
    return ids;
  });
}

absl::StatusOr<int64_t> QueryStore::DeleteEndedBefore(absl::Time time, int64_t limit) {
  return pool_.RunAutocommit([&](Transaction& txn) -> absl::StatusOr<int64_t> {
    return txn
        .Exec(
            "DELETE FROM query.queries WHERE (workspace, query_id) IN (SELECT workspace, query_id "
            "FROM query.queries WHERE end_time < $1 ORDER BY end_time LIMIT $2)",
            time, limit)
        .affected_rows();
  });
}

}  // namespace tarn::query

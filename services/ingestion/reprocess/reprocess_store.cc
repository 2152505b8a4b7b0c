#include "services/ingestion/reprocess/reprocess_store.h"

#include <absl/strings/str_cat.h>
#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/time_util.h>

#include "common/events/event.h"
#include "common/idempotency/idempotency.h"
#include "common/ids/ids.h"
#include "common/names/names.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"

namespace tarn::ingestion {
namespace {

constexpr char kPattern[] = "streams/{stream}/reprocesses/{reprocess}";
constexpr char kSelect[] =
    "SELECT r.*, s.stream_id FROM ingestion.reprocesses AS r JOIN ingestion.streams AS s ON s.uid "
    "= r.stream_uid ";

google::protobuf::Timestamp ToTimestamp(absl::Time time) {
  return google::protobuf::util::TimeUtil::MicrosecondsToTimestamp(absl::ToUnixMicros(time));
}

absl::Time ToTime(const google::protobuf::Timestamp& time) {
  return absl::FromUnixMicros(google::protobuf::util::TimeUtil::TimestampToMicroseconds(time));
}

absl::Status ReprocessNotFound(std::string_view id) {
  return NotFound("REPROCESS_NOT_FOUND",
                  absl::StrCat("the stream has no reprocess ", std::string(id),
                               "; ListReprocesses has those of the last 30 days"));
}

std::optional<std::string> ErrorToJson(const absl::Status& status) {
  if (status.ok()) return std::nullopt;
  common::v1::ExecutionError error;
  error.set_code(static_cast<int>(status.code()));
  error.set_reason(ErrorReason(status));
  error.set_message(std::string(status.message()));
  for (const auto& [key, value] : ErrorMetadataOf(status)) {
    (*error.mutable_metadata())[key] = value;
  }
  std::string json;
  google::protobuf::util::MessageToJsonString(error, &json).ok();
  return json;
}

ReprocessJob ReadJob(const Row& row) {
  ReprocessJob job;
  job.id = row.Get<std::string>("reprocess");
  job.workspace = row.Get<std::string>("workspace");
  job.stream_id = row.Get<std::string>("stream_id");
  job.stream_uid = row.Get<std::string>("stream_uid");
  job.range_start = row.Get<absl::Time>("range_start");
  job.range_end = row.Get<absl::Time>("range_end");
  job.read_from = row.Get<absl::Time>("read_from");
  job.destinations = row.Get<std::vector<std::string>>("destinations");
  v1::Reprocess& resource = job.resource;
  resource.set_name(names::Format(kPattern, {job.stream_id, job.id}));
  resource.set_state(static_cast<common::v1::ExecutionState>(row.Get<int>("state")));
  *resource.mutable_times()->mutable_create_time() =
      ToTimestamp(row.Get<absl::Time>("create_time"));
  if (const auto time = row.Get<std::optional<absl::Time>>("start_time")) {
    *resource.mutable_times()->mutable_start_time() = ToTimestamp(*time);
  }
  if (const auto time = row.Get<std::optional<absl::Time>>("end_time")) {
    *resource.mutable_times()->mutable_end_time() = ToTimestamp(*time);
  }
  if (const auto error = row.Get<std::optional<std::string>>("error")) {
    google::protobuf::util::JsonStringToMessage(*error, resource.mutable_error()).ok();
  }
  resource.set_phase(static_cast<v1::ReprocessPhase>(row.Get<int>("phase")));
  *resource.mutable_start_time() = ToTimestamp(job.range_start);
  *resource.mutable_end_time() = ToTimestamp(job.range_end);
  for (const std::string& destination : job.destinations) resource.add_destinations(destination);
  v1::ReprocessStatistics& statistics = *resource.mutable_statistics();
  statistics.set_records_read(row.Get<int64_t>("records_read"));
  statistics.set_rows_written(row.Get<int64_t>("rows_written"));
  statistics.set_rows_replaced(row.Get<int64_t>("rows_replaced"));
  statistics.set_dead_letters(row.Get<int64_t>("dead_letters"));
  statistics.set_resolved_dead_letters(row.Get<int64_t>("resolved_dead_letters"));
  if (const auto time = row.Get<std::optional<absl::Time>>("read_until")) {
    *statistics.mutable_read_until() = ToTimestamp(*time);
  }
  resource.set_message(row.Get<std::string>("message"));
  resource.set_requested_by(row.Get<std::string>("requested_by"));
  return job;
}

std::vector<ReprocessJob> ReadJobs(const Result& rows) {
  std::vector<ReprocessJob> jobs;
  for (const Row row : rows) jobs.push_back(ReadJob(row));
  return jobs;
}

// Whether the copies reach back to what is to be read. Locks them, so that nothing of it is removed
// before the reprocess stands there.
absl::Status CheckKept(Transaction& txn, const ReprocessJob& job) {
  const Result rows =
      txn.Exec("SELECT kept_from FROM ingestion.raw_copies WHERE stream_uid = $1 FOR UPDATE",
               job.stream_uid);
  const absl::Time kept_from =
      rows.empty() ? absl::InfiniteFuture() : rows[0].Get<absl::Time>("kept_from");
  if (kept_from <= job.read_from) return absl::OkStatus();
  const std::string name = "streams/" + job.stream_id;
  if (kept_from == absl::InfiniteFuture()) {
    return FailedPrecondition("RAW_COPIES_MISSING",
                              absl::StrCat(name,
                                           " keeps no raw copies; turn them on (Stream.raw_copy) "
                                           "for what arrives from then on"),
                              {{"stream", name}});
  }
  const std::string since = absl::FormatTime(absl::RFC3339_full, kept_from, absl::UTCTimeZone());
  return FailedPrecondition(
      "RAW_COPIES_MISSING",
      absl::StrCat("the raw copies of ", name, " are complete since ", since,
                   job.read_from < job.range_start
                       ? ", and its deduplication needs those of a window before the start"
                       : "",
                   "; begin later"),
      {{"stream", name}, {"complete_since", since}});
}

// Rows that another stream's records became must not be taken for this one's.
absl::Status CheckNotShared(Transaction& txn, const ReprocessJob& job) {
  constexpr char kDeliversTo[] =
      "(s.definition ->> 'table' = ANY ($3::text[]) OR EXISTS (SELECT 1 FROM jsonb_array_elements("
      "coalesce(s.definition -> 'destinations', '[]')) AS d WHERE d ->> 'table' = ANY "
      "($3::text[])))";
  const Result others = txn.Exec(
      absl::StrCat(
          "SELECT s.stream_id FROM ingestion.streams AS s WHERE s.workspace = $1 AND s.uid <> $2 "
          "AND s.create_time < $5 AND (",
          kDeliversTo,
          " OR EXISTS (SELECT 1 FROM ingestion.stream_logs AS l WHERE l.stream_uid = s.uid AND "
          "l.destination = ANY ($3::text[]) AND l.last_delivery_time >= $4)) UNION ALL SELECT "
          "s.stream_id FROM ingestion.former_streams AS s WHERE s.workspace = $1 AND s.uid <> $2 "
          "AND s.create_time < $5 AND s.delete_time >= $4 AND ",
          kDeliversTo, " LIMIT 1"),
      job.workspace, job.stream_uid, job.destinations, job.range_start, job.range_end);
  if (others.empty()) return absl::OkStatus();
  const std::string other = "streams/" + others[0].Get<std::string>("stream_id");
  return FailedPrecondition(
      "TABLE_SHARED",
      absl::StrCat(other,
                   " delivered to the same table in that time, and its rows cannot be told "
                   "from those of streams/",
                   job.stream_id, "; choose a time in which it did not, or another destination"),
      {{"stream", other}});
}

}  // namespace

const LeaseTable& ReprocessStore::Leases() {
  static const auto* const kTable = new LeaseTable{"ingestion.reprocesses", {"reprocess"}};
  return *kTable;
}

absl::StatusOr<ReprocessJob> ReprocessStore::Create(const RequestContext& context,
                                                    const v1::StartReprocessRequest& request,
                                                    const ReprocessJob& job) {
  return pool_.Run([&](Transaction& txn) -> absl::StatusOr<ReprocessJob> {
    // The stored answer is the name: the reprocess is read again, as it is now.
    TARN_ASSIGN_OR_RETURN(
        const v1::Reprocess stored,
        idempotency::Once<v1::Reprocess>(
            txn, "ingestion",
            {context.workspace, context.user, "tarn.ingestion.v1.ReprocessService/StartReprocess",
             request.request_id()},
            request, [&]() -> absl::StatusOr<v1::Reprocess> {
              TARN_RETURN_IF_ERROR(CheckKept(txn, job));
              TARN_RETURN_IF_ERROR(CheckNotShared(txn, job));
              const Result inserted = txn.Exec(
                  "INSERT INTO ingestion.reprocesses (reprocess, workspace, stream_uid, "
                  "range_start, range_end, read_from, destinations, requested_by) VALUES ($1, $2, "
                  "$3, $4, $5, $6, $7::text[], $8) ON CONFLICT (stream_uid) WHERE state <= 2 DO "
                  "NOTHING RETURNING reprocess",
                  NewUuid(), job.workspace, job.stream_uid, job.range_start, job.range_end,
                  job.read_from, job.destinations, context.user);
              if (inserted.empty()) {
                return AlreadyExists("REPROCESS_UNDER_WAY",
                                     absl::StrCat("streams/", job.stream_id,
                                                  " has a reprocess that has not ended; wait for "
                                                  "it, or cancel it (ListReprocesses)"));
              }
              const std::string id = inserted[0].Get<std::string>("reprocess");
              v1::Reprocess made;
              made.set_name(names::Format(kPattern, {job.stream_id, id}));
              TARN_RETURN_IF_ERROR(events::Append(
                  txn, {.workspace = job.workspace,
                        .type = "tarn.ingestion.reprocess.started",
                        .source = "ingestion",
                        .subject = "streams/" + job.stream_id,
                        .data = absl::StrCat("{\"reprocess\": \"", made.name(), "\"}")}));
              return made;
            }));
    TARN_ASSIGN_OR_RETURN(const std::vector<std::string> parts,
                          names::Parse(kPattern, stored.name()));
    const Result rows = txn.Exec(absl::StrCat(kSelect, "WHERE r.reprocess = $1"), parts[1]);
    if (rows.empty()) return ReprocessNotFound(parts[1]);
    return ReadJob(rows[0]);
  });
}

absl::StatusOr<ReprocessJob> ReprocessStore::Get(std::string_view workspace,
                                                 std::string_view stream_id, std::string_view id) {
  if (!IsUuid(id)) return ReprocessNotFound(id);
  return pool_.RunReadOnly([&](Transaction& txn) -> absl::StatusOr<ReprocessJob> {
    const Result rows = txn.Exec(
        absl::StrCat(kSelect, "WHERE r.workspace = $1 AND s.stream_id = $2 AND r.reprocess = $3"),
        workspace, stream_id, id);
    if (rows.empty()) return ReprocessNotFound(id);
    return ReadJob(rows[0]);
  });
}

absl::StatusOr<std::vector<ReprocessJob>> ReprocessStore::List(const Stream& stream,
                                                               std::string_view before, int limit) {
  const std::optional<std::string> bound =
      before.empty() ? std::nullopt : std::optional<std::string>(before);
  return pool_.RunReadOnly([&](Transaction& txn) -> absl::StatusOr<std::vector<ReprocessJob>> {
    return ReadJobs(
        txn.Exec(absl::StrCat(kSelect,
                              "WHERE r.stream_uid = $1 AND ($2::uuid IS NULL OR r.reprocess < "
                              "$2::uuid) ORDER BY r.reprocess DESC LIMIT $3"),
                 stream.uid, bound, limit));
  });
}

absl::Status ReprocessStore::RequestCancel(std::string_view workspace, std::string_view id) {
  return pool_.Run([&](Transaction& txn) -> absl::Status {
    txn.Exec(
        "UPDATE ingestion.reprocesses SET cancel_requested = true, end_time = CASE WHEN state = 1 "
        "THEN now() END, state = CASE WHEN state = 1 THEN 5 ELSE state END WHERE workspace = $1 "
        "AND reprocess = $2 AND state <= 2",
        workspace, id);
    return absl::OkStatus();
  });
}

absl::StatusOr<std::optional<ReprocessStore::Claimed>> ReprocessStore::Claim(
    std::string_view holder, absl::Duration ttl) {
  return pool_.Run([&](Transaction& txn) -> absl::StatusOr<std::optional<Claimed>> {
    std::optional<Lease> lease =
        ClaimNext(txn, Leases(), holder, ttl, {.where = "l.state <= 2", .order_by = "l.reprocess"});
    if (!lease) return std::nullopt;
    txn.Exec(
        "UPDATE ingestion.reprocesses SET state = 2, start_time = coalesce(start_time, now()) "
        "WHERE reprocess = $1",
        lease->key[0]);
    const Result rows = txn.Exec(absl::StrCat(kSelect, "WHERE r.reprocess = $1"), lease->key[0]);
    return Claimed{*std::move(lease), ReadJob(rows.One())};
  });
}

absl::StatusOr<bool> ReprocessStore::CancelRequested(std::string_view id) {
  return pool_.RunAutocommit([&](Transaction& txn) -> absl::StatusOr<bool> {
    const Result rows =
        txn.Exec("SELECT cancel_requested FROM ingestion.reprocesses WHERE reprocess = $1", id);
    return rows.empty() || rows[0].Get<bool>("cancel_requested");
  });
}

absl::Status ReprocessStore::SetProgress(const Lease& lease, const v1::Reprocess& resource) {
  const v1::ReprocessStatistics& statistics = resource.statistics();
  const std::optional<absl::Time> read_until =
      statistics.has_read_until() ? std::optional(ToTime(statistics.read_until())) : std::nullopt;
  return pool_.RunAutocommit([&](Transaction& txn) -> absl::Status {
    const Result updated = txn.Exec(
        "UPDATE ingestion.reprocesses SET phase = $3, message = $4, records_read = $5, read_until "
        "= $6 WHERE reprocess = $1 AND lease_epoch = $2",
        lease.key[0], lease.epoch, static_cast<int>(resource.phase()), resource.message(),
        statistics.records_read(), read_until);
    return updated.affected_rows() == 1 ? absl::OkStatus() : LeaseLost(Leases(), lease);
  });
}

absl::Status ReprocessStore::Finish(const Lease& lease, const ReprocessJob& job,
                                    const absl::Status& outcome) {
  return pool_.Run([&](Transaction& txn) -> absl::Status {
    TARN_RETURN_IF_ERROR(CheckLease(txn, Leases(), lease));
    const common::v1::ExecutionState state = outcome.ok() ? common::v1::EXECUTION_STATE_SUCCEEDED
                                             : absl::IsCancelled(outcome)
                                                 ? common::v1::EXECUTION_STATE_CANCELLED
                                                 : common::v1::EXECUTION_STATE_FAILED;
    txn.Exec(
        "UPDATE ingestion.reprocesses SET state = $2, phase = 0, message = '', end_time = now(), "
        "error = $3::jsonb, lease_holder = NULL, lease_expires_at = NULL WHERE reprocess = $1",
        job.id, static_cast<int>(state), ErrorToJson(outcome));
    txn.Exec(
        "UPDATE ingestion.dead_letters SET reprocess = NULL WHERE stream_uid = $1 AND reprocess = "
        "$2 AND replay_time IS NULL",
        job.stream_uid, job.id);
    txn.Exec("DELETE FROM ingestion.reprocess_commits WHERE reprocess = $1", job.id);
    txn.Exec("DELETE FROM ingestion.reprocess_dead_letters WHERE reprocess = $1", job.id);
    return events::Append(
        txn, {.workspace = job.workspace,
              .type = "tarn.ingestion.reprocess.finished",
              .source = "ingestion",
              .subject = "streams/" + job.stream_id,
              .data = absl::StrCat("{\"reprocess\": \"", job.resource.name(), "\", \"state\": \"",
                                   common::v1::ExecutionState_Name(state), "\"}")});
  });
}

absl::Status ReprocessStore::Release(const Lease& lease) {
  return pool_.Run([&](Transaction& txn) { return tarn::Release(txn, Leases(), lease); });
}

absl::Status ReprocessStore::Forget(absl::Duration age) {
  return pool_.Run([&](Transaction& txn) -> absl::Status {
    txn.Exec(
        "DELETE FROM ingestion.reprocesses WHERE end_time < now() - $1::float8 * interval '1 "
        "second'",
        absl::ToDoubleSeconds(age));
    return absl::OkStatus();
  });
}

absl::Status ReprocessStore::SetSeen(const Lease& log) {
  return pool_.RunAutocommit([&](Transaction& txn) -> absl::Status {
    txn.Exec("UPDATE ingestion.logs SET seen_at = now() WHERE wal_uuid = $1 AND lease_epoch = $2",
             log.key[0], log.epoch);
    return absl::OkStatus();
  });
}

absl::StatusOr<std::vector<ReprocessStore::LogState>> ReprocessStore::Logs(
    absl::Duration away_after) {
  return pool_.RunReadOnly([&](Transaction& txn) -> absl::StatusOr<std::vector<LogState>> {
    std::vector<LogState> logs;
    for (const Row row :
         txn.Exec("SELECT wal_uuid, coalesce(seen_at < now() - $1::float8 * interval '1 second', "
                  "true) AS away FROM ingestion.logs",
                  absl::ToDoubleSeconds(away_after))) {
      logs.push_back({row.Get<std::string>("wal_uuid"), row.Get<bool>("away")});
    }
    return logs;
  });
}

absl::StatusOr<std::vector<ReprocessJob>> ReprocessStore::ListWaiting() {
  return pool_.RunReadOnly([&](Transaction& txn) -> absl::StatusOr<std::vector<ReprocessJob>> {
    return ReadJobs(txn.Exec(absl::StrCat(kSelect, "WHERE r.state = 2 AND r.phase = $1"),
                             static_cast<int>(v1::REPROCESS_PHASE_WAITING)));
  });
}

absl::StatusOr<ReprocessStore::CopiedState> ReprocessStore::Copied(
    std::string_view stream_uid, std::string_view log_id,
    const std::vector<std::string>& destinations) {
  return pool_.RunReadOnly([&](Transaction& txn) -> absl::StatusOr<CopiedState> {
    CopiedState state;
    const Result raw =
        txn.Exec("SELECT position FROM ingestion.raw_logs WHERE stream_uid = $1 AND log_id = $2",
                 stream_uid, log_id);
    if (!raw.empty()) state.raw_position = static_cast<uint64_t>(raw[0].Get<int64_t>("position"));
    const Row delivered = txn.Exec(
                                 "SELECT count(*) AS n, min(delivered_position) AS position FROM "
                                 "ingestion.stream_logs WHERE stream_uid = $1 AND log_id = $2 AND "
                                 "destination = ANY ($3::text[])",
                                 stream_uid, log_id, destinations)
                              .One();
    if (delivered.Get<int64_t>("n") == static_cast<int64_t>(destinations.size())) {
      state.delivered_position = static_cast<uint64_t>(delivered.Get<int64_t>("position"));
    }
    return state;
  });
}

absl::Status ReprocessStore::Confirm(const Lease& log, std::string_view reprocess_id,
                                     std::string_view log_id, uint64_t position) {
  return pool_.Run([&](Transaction& txn) -> absl::Status {
    // Only for one that waits, so that a late answer means nothing to a later try.
    txn.Exec(
        "INSERT INTO ingestion.reprocess_logs (reprocess, wal_uuid, log_id, position) SELECT "
        "reprocess, $2, $3, $4::bigint FROM ingestion.reprocesses WHERE reprocess = $1 AND state = "
        "2 AND "
        "phase = $5 ON CONFLICT DO NOTHING",
        reprocess_id, log.key[0], log_id, position, static_cast<int>(v1::REPROCESS_PHASE_WAITING));
    return absl::OkStatus();
  });
}

absl::StatusOr<std::vector<ReprocessStore::Confirmation>> ReprocessStore::Confirmations(
    std::string_view reprocess_id) {
  return pool_.RunReadOnly([&](Transaction& txn) -> absl::StatusOr<std::vector<Confirmation>> {
    std::vector<Confirmation> confirmations;
    for (const Row row : txn.Exec(
             "SELECT wal_uuid, log_id, position FROM ingestion.reprocess_logs WHERE reprocess = $1",
             reprocess_id)) {
      confirmations.push_back({row.Get<std::string>("wal_uuid"), row.Get<std::string>("log_id"),
                               static_cast<uint64_t>(row.Get<int64_t>("position"))});
    }
    return confirmations;
  });
}

}  // namespace tarn::ingestion

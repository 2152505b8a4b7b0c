#include "services/ingestion/reprocess/reprocess_outcome_store.h"

#include <algorithm>

#include <absl/strings/escaping.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_replace.h>

#include "common/events/event.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/ingestion/reprocess/reprocess_store.h"

namespace tarn::ingestion {
namespace {

constexpr size_t kRowsAtOnce = 500;

// PostgreSQL's text holds no NUL.
std::string WithoutNul(const std::string& text) {
  return absl::StrReplaceAll(text, {{absl::string_view("\0", 1), "\xEF\xBF\xBD"}});
}

std::string TimeText(absl::Time time) {
  return absl::FormatTime(absl::RFC3339_full, time, absl::UTCTimeZone());
}

}  // namespace

absl::StatusOr<int64_t> ReprocessOutcomeStore::TakeDeadLetters(const Lease& lease,
                                                               const ReprocessJob& job,
                                                               std::string_view destination) {
  return pool_.Run([&](Transaction& txn) -> absl::StatusOr<int64_t> {
    TARN_RETURN_IF_ERROR(CheckLease(txn, ReprocessStore::Leases(), lease));
    // What has no payload is in no raw copy either.
    txn.Exec(
        "UPDATE ingestion.dead_letters SET reprocess = $1 WHERE stream_uid = $2 AND destination = "
        "$3 AND ingest_time >= $4 AND ingest_time < $5 AND replay_id IS NULL AND replay_time IS "
        "NULL AND reprocess IS NULL AND payload <> ''",
        job.id, job.stream_uid, destination, job.range_start, job.range_end);
    return txn
        .Exec(
            "SELECT count(*) AS n FROM ingestion.dead_letters AS d WHERE d.stream_uid = $1 AND "
            "d.destination = $2 AND d.ingest_time >= $3 AND d.ingest_time < $4 AND d.replay_id IS "
            "NOT NULL AND ((d.replay_time IS NULL AND d.replay_claim_time > now() - interval '29 "
            "days') "
            "OR d.replay_position >= coalesce((SELECT "
            "l.delivered_position FROM ingestion.stream_logs AS l WHERE l.stream_uid = "
            "d.stream_uid AND l.log_id = d.replay_log_id AND l.destination = d.destination), 0))",
            job.stream_uid, destination, job.range_start, job.range_end)
        .One()
        .Get<int64_t>("n");
  });
}

absl::Status ReprocessOutcomeStore::Begin(const Lease& lease, std::string_view destination) {
  return pool_.Run([&](Transaction& txn) -> absl::Status {
    TARN_RETURN_IF_ERROR(CheckLease(txn, ReprocessStore::Leases(), lease));
    txn.Exec(
        "DELETE FROM ingestion.reprocess_dead_letters WHERE reprocess = $1 AND destination = $2",
        lease.key[0], destination);
    txn.Exec(
        "DELETE FROM ingestion.reprocess_commits WHERE reprocess = $1 AND destination = $2 AND NOT "
        "done",
        lease.key[0], destination);
    return absl::OkStatus();
  });
}

absl::Status ReprocessOutcomeStore::AddDeadLetters(
    const Lease& lease, std::string_view destination,
    const std::vector<ReprocessDeadLetter>& dead_letters) {
  if (dead_letters.empty()) return absl::OkStatus();
  return pool_.Run([&](Transaction& txn) -> absl::Status {
    TARN_RETURN_IF_ERROR(CheckLease(txn, ReprocessStore::Leases(), lease));
    for (size_t begin = 0; begin < dead_letters.size(); begin += kRowsAtOnce) {
      const size_t end = std::min(dead_letters.size(), begin + kRowsAtOnce);
      std::vector<int64_t> positions;
      std::vector<std::string> logs, payloads, reasons, fields, messages, times;
      for (size_t i = begin; i < end; ++i) {
        const ReprocessDeadLetter& letter = dead_letters[i];
        logs.push_back(letter.log_id);
        positions.push_back(static_cast<int64_t>(letter.position));
        payloads.push_back(absl::BytesToHexString(letter.payload));
        reasons.push_back(letter.reason);
        fields.push_back(WithoutNul(letter.field));
        messages.push_back(WithoutNul(letter.message));
        times.push_back(TimeText(letter.ingest_time));
      }
      txn.Exec(
          "INSERT INTO ingestion.reprocess_dead_letters (reprocess, destination, log_id, position, "
          "payload, reason, field, message, ingest_time) SELECT $1::uuid, $2, l, p, decode(x, "
          "'hex'), r, "
          "f, m, t FROM unnest($3::text[], $4::bigint[], $5::text[], $6::text[], $7::text[], "
          "$8::text[], $9::timestamptz[]) AS u (l, p, x, r, f, m, t) ON CONFLICT DO NOTHING",
          lease.key[0], destination, logs, positions, payloads, reasons, fields, messages, times);
    }
    return absl::OkStatus();
  });
}

absl::Status ReprocessOutcomeStore::StoreCommit(const Lease& lease, std::string_view destination,
                                                const ReprocessCommit& commit) {
  const Bytes request{commit.request ? commit.request->SerializeAsString() : std::string()};
  return pool_.Run([&](Transaction& txn) -> absl::Status {
    TARN_RETURN_IF_ERROR(CheckLease(txn, ReprocessStore::Leases(), lease));
    txn.Exec(
        "INSERT INTO ingestion.reprocess_commits (reprocess, destination, request, records_read, "
        "rows_written, rows_replaced) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (reprocess, "
        "destination) DO UPDATE SET request = $3, records_read = $4, rows_written = $5, "
        "rows_replaced = $6",
        lease.key[0], destination, request, commit.records_read, commit.rows_written,
        commit.rows_replaced);
    return absl::OkStatus();
  });
}

absl::StatusOr<std::optional<ReprocessCommit>> ReprocessOutcomeStore::FindCommit(
    std::string_view reprocess_id, std::string_view destination) {
  return pool_.RunReadOnly([&](Transaction& txn) -> absl::StatusOr<std::optional<ReprocessCommit>> {
    const Result rows = txn.Exec(
        "SELECT request, done, records_read, rows_written, rows_replaced FROM "
        "ingestion.reprocess_commits WHERE reprocess = $1 AND destination = $2",
        reprocess_id, destination);
    if (rows.empty()) return std::nullopt;
    ReprocessCommit commit;
    const std::string request = rows[0].Get<Bytes>("request").data;
    if (!request.empty() && !commit.request.emplace().ParseFromString(request)) {
      return Internal("STORED_COMMIT", "the stored commit of the reprocess cannot be read");
    }
    commit.done = rows[0].Get<bool>("done");
    commit.records_read = rows[0].Get<int64_t>("records_read");
    commit.rows_written = rows[0].Get<int64_t>("rows_written");
    commit.rows_replaced = rows[0].Get<int64_t>("rows_replaced");
    return std::optional<ReprocessCommit>(std::move(commit));
  });
}

absl::Status ReprocessOutcomeStore::Complete(const Lease& lease, const ReprocessJob& job,
                                             std::string_view destination) {
  return pool_.Run([&](Transaction& txn) -> absl::Status {
    TARN_RETURN_IF_ERROR(CheckLease(txn, ReprocessStore::Leases(), lease));
    const Result done = txn.Exec(
        "UPDATE ingestion.reprocess_commits SET done = true WHERE reprocess = $1 AND destination = "
        "$2 AND NOT done RETURNING records_read, rows_written, rows_replaced",
        job.id, destination);
    if (done.empty()) return absl::OkStatus();
    // One at a time with deliveries and replays.
    txn.Exec("SELECT 1 FROM ingestion.stream_logs WHERE stream_uid = $1 ORDER BY log_id FOR UPDATE",
             job.stream_uid);
    // Of what did not fit: fresh letters, and letters that were put back or resolved before and
    // wait again.
    int64_t added = 0;
    for (
        const Row row : txn.Exec(
            "SELECT n.log_id, count(*) FILTER (WHERE d.position IS NULL) AS fresh, count(*) FILTER "
            "(WHERE d.replay_time IS NOT NULL) AS again FROM ingestion.reprocess_dead_letters AS n "
            "LEFT JOIN ingestion.dead_letters AS d ON d.stream_uid = $3 AND d.log_id = n.log_id "
            "AND d.destination = n.destination AND d.position = n.position WHERE n.reprocess = $1 "
            "AND n.destination = $2 GROUP BY n.log_id",
            job.id, destination, job.stream_uid)) {
      const auto fresh = row.Get<int64_t>("fresh");
      const auto again = row.Get<int64_t>("again");
      added += fresh + again;
      txn.Exec(
          "UPDATE ingestion.stream_logs SET dead_letter_records = dead_letter_records + $4, "
          "replayed_dead_letters = replayed_dead_letters - $5 WHERE stream_uid = $1 AND log_id = "
          "$2 AND destination = $3",
          job.stream_uid, row.Get<std::string>("log_id"), destination, fresh, again);
    }
    const int64_t dead =
        txn.Exec(
               "INSERT INTO ingestion.dead_letters AS d (stream_uid, destination, log_id, "
               "position, "
               "payload, reason, field, message, ingest_time) SELECT $3, destination, log_id, "
               "position, payload, reason, field, message, ingest_time FROM "
               "ingestion.reprocess_dead_letters WHERE reprocess = $1 AND destination = $2 ON "
               "CONFLICT (stream_uid, log_id, destination, position) DO UPDATE SET reason = "
               "excluded.reason, field = excluded.field, message = excluded.message, attempts = "
               "d.attempts + 1, replay_id = NULL, replay_log_id = NULL, replay_position = NULL, "
               "replay_time = NULL, reprocess = NULL",
               job.id, destination, job.stream_uid)
            .affected_rows();
    int64_t resolved = 0;
    for (const Row row :
         txn.Exec("WITH resolved AS (UPDATE ingestion.dead_letters SET replay_time = now() WHERE "
                  "stream_uid = $1 AND destination = $2 AND reprocess = $3 AND replay_time IS NULL "
                  "RETURNING log_id) UPDATE ingestion.stream_logs AS l SET replayed_dead_letters = "
                  "replayed_dead_letters + r.n FROM (SELECT log_id, count(*) AS n FROM resolved "
                  "GROUP BY log_id) AS r WHERE l.stream_uid = $1 AND l.log_id = r.log_id AND "
                  "l.destination = $2 RETURNING r.n",
                  job.stream_uid, destination, job.id)) {
      resolved += row.Get<int64_t>("n");
    }
    txn.Exec(
        "UPDATE ingestion.reprocesses SET rows_written = rows_written + $2, rows_replaced = "
        "rows_replaced + $3, dead_letters = dead_letters + $4, resolved_dead_letters = "
        "resolved_dead_letters + $5 WHERE reprocess = $1",
        job.id, done[0].Get<int64_t>("rows_written"), done[0].Get<int64_t>("rows_replaced"), dead,
        resolved);
    if (added == 0) return absl::OkStatus();
    return events::Append(txn, {.workspace = job.workspace,
                                .type = "tarn.ingestion.dead_letters.added",
                                .source = "ingestion",
                                .subject = "streams/" + job.stream_id,
                                .data = absl::StrCat("{\"count\": ", added, "}")});
  });
}

}  // namespace tarn::ingestion

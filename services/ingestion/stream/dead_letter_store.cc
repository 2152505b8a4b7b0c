#include "services/ingestion/stream/dead_letter_store.h"

#include <absl/strings/str_cat.h>
#include <google/protobuf/util/time_util.h>

#include "common/events/event.h"
#include "common/ids/ids.h"
#include "common/status/status_macros.h"

namespace tarn::ingestion {
namespace {

constexpr int kLettersAtOnce = 1000;
constexpr int64_t kBytesAtOnce = 4 << 20;
constexpr int kPurgedAtOnce = 5000;

// Letters of stream $1, which delivers to $2: ids $3 (or none given), reason $4, times $5
// to $6, destination $7; delivery must be past them.
constexpr std::string_view kMatches =
    "d.stream_uid = $1 AND (cardinality($3::bigint[]) = 0 OR d.dead_letter_id = ANY "
    "($3::bigint[])) "
    "AND ($4 = '' OR d.reason = $4) AND d.ingest_time >= $5::timestamptz AND d.ingest_time < "
    "$6::timestamptz AND ($7 = '' OR d.destination = $7) AND d.reprocess IS NULL AND "
    "(d.destination <> ALL ($2::text[]) OR d.position < (SELECT l.delivered_position FROM "
    "ingestion.stream_logs AS l WHERE l.stream_uid = d.stream_uid AND l.log_id = d.log_id AND "
    "l.destination = d.destination))";

constexpr std::string_view kIsWaiting = " AND d.replay_id IS NULL";
// Of letters that are claimed and not marked: whether the log still knows if they are in it. A day
// less than kReplayRetention.
constexpr std::string_view kCanBeFinished = "replay_claim_time > now() - interval '29 days'";

std::vector<std::string> TablesOf(const Stream& stream) {
  std::vector<std::string> tables;
  for (const v1::Destination& destination : DestinationsOf(stream.definition)) {
    tables.push_back(destination.table());
  }
  return tables;
}

std::string TimeText(absl::Time time) {
  if (time == absl::InfinitePast()) return "-infinity";
  if (time == absl::InfiniteFuture()) return "infinity";
  return absl::FormatTime(absl::RFC3339_full, time, absl::UTCTimeZone());
}

google::protobuf::Timestamp ToTimestamp(absl::Time time) {
  return google::protobuf::util::TimeUtil::MicrosecondsToTimestamp(absl::ToUnixMicros(time));
}

// Takes the stream's logs for this transaction, as adding letters does, so that a letter that fails
// again and the mark of its replay see each other.
void LockLogs(Transaction& txn, std::string_view stream_uid) {
  txn.Exec(
      "SELECT 1 FROM ingestion.stream_logs WHERE stream_uid = $1 ORDER BY log_id, destination FOR "
      "UPDATE",
      stream_uid);
}

absl::Status AppendEvent(Transaction& txn, const Stream& stream, std::string_view what,
                         int64_t count) {
  return events::Append(txn,
                        {.workspace = stream.workspace,
                         .type = absl::StrCat("tarn.ingestion.dead_letters.", std::string(what)),
                         .source = "ingestion",
                         .subject = stream.name(),
                         .data = absl::StrCat("{\"count\": ", count, "}")});
}

ReplayBatch LoadBatch(Transaction& txn, const ReplayClaim& claim) {
  ReplayBatch batch{claim, {}};
  for (const Row row : txn.Exec("SELECT ingest_time, payload FROM ingestion.dead_letters WHERE "
                                "replay_id = $1 AND replay_time IS NULL ORDER BY dead_letter_id",
                                claim.replay_id)) {
    batch.letters.push_back(
        {row.Get<absl::Time>("ingest_time"), std::move(row.Get<Bytes>("payload").data)});
  }
  return batch;
}

}  // namespace

absl::StatusOr<DeadLetterStore::Page> DeadLetterStore::List(const Stream& stream,
                                                            std::string_view reason,
                                                            std::string_view destination,
                                                            bool show_replayed,
                                                            std::string_view before, int limit) {
  return pool_.RunReadOnly([&](Transaction& txn) -> absl::StatusOr<Page> {
    Page page;
    for (const Row row : txn.Exec(
             "SELECT reason, count(*) AS n FROM ingestion.dead_letters WHERE stream_uid = $1 AND "
             "($2 = '' OR reason = $2) AND ($3::boolean OR replay_time IS NULL) AND ($4 = '' OR "
             "destination = $4) GROUP BY reason",
             stream.uid, reason, show_replayed, destination)) {
      page.total += page.reason_counts[row.Get<std::string>("reason")] = row.Get<int64_t>("n");
    }
    const Result rows = txn.Exec(
        "SELECT dead_letter_id, position, payload, reason, field, message, ingest_time, attempts, "
        "replay_time, destination FROM ingestion.dead_letters WHERE stream_uid = $1 AND ($2 = '' "
        "OR reason = "
        "$2) "
        "AND ($3 = '' OR dead_letter_id < $3::bigint) AND ($4::boolean OR replay_time IS NULL) "
        "AND ($6 = '' OR destination = $6) ORDER BY dead_letter_id DESC LIMIT $5",
        stream.uid, reason, before, show_replayed, limit + 1, destination);
    for (const Row row : rows) {
      if (static_cast<int>(page.dead_letters.size()) == limit) {
        page.has_more = true;
        break;
      }
      v1::DeadLetter& letter = page.dead_letters.emplace_back();
      page.last_id = row.Get<std::string>("dead_letter_id");
      letter.set_name(absl::StrCat(stream.name(), "/deadLetters/", page.last_id));
      letter.set_position(row.Get<int64_t>("position"));
      letter.set_payload(row.Get<Bytes>("payload").data);
      letter.set_reason(row.Get<std::string>("reason"));
      letter.set_field(row.Get<std::string>("field"));
      letter.set_message(row.Get<std::string>("message"));
      *letter.mutable_ingest_time() = ToTimestamp(row.Get<absl::Time>("ingest_time"));
      letter.set_destination(row.Get<std::string>("destination"));
      letter.set_attempts(row.Get<int32_t>("attempts"));
      if (const auto time = row.Get<std::optional<absl::Time>>("replay_time")) {
        *letter.mutable_replay_time() = ToTimestamp(*time);
      }
    }
    return page;
  });
}

absl::StatusOr<int64_t> DeadLetterStore::NewestId(const Stream& stream) {
  return pool_.RunReadOnly([&](Transaction& txn) -> absl::StatusOr<int64_t> {
    return txn
        .Exec(
            "SELECT coalesce(max(dead_letter_id), 0) AS id FROM ingestion.dead_letters WHERE "
            "stream_uid = $1",
            stream.uid)
        .One()
        .Get<int64_t>("id");
  });
}

absl::StatusOr<ReplayBatch> DeadLetterStore::Claim(const Stream& stream,
                                                   const DeadLetterFilter& filter,
                                                   int64_t newest_id, std::string_view log_id) {
  const ReplayClaim claim{NewUuid(), filter.destination, std::string(log_id)};
  return pool_.Run([&](Transaction& txn) -> absl::StatusOr<ReplayBatch> {
    txn.Exec(
        absl::StrCat(
            "WITH next AS (SELECT d.dead_letter_id, octet_length(d.payload) AS bytes FROM "
            "ingestion.dead_letters AS d WHERE ",
            std::string(kMatches), std::string(kIsWaiting),
            " AND d.dead_letter_id <= $8 AND d.payload <> '' ORDER BY d.dead_letter_id LIMIT $9 "
            "FOR "
            "UPDATE SKIP LOCKED), "
            "summed AS (SELECT dead_letter_id, bytes, sum(bytes) OVER (ORDER BY dead_letter_id) AS "
            "total FROM next) "
            "UPDATE ingestion.dead_letters AS d SET replay_id = $10, replay_log_id = $11, "
            "replay_claim_time = now() FROM "
            "summed "
            "AS s WHERE d.stream_uid = $1 AND d.dead_letter_id = s.dead_letter_id AND "
            "(s.total <= $12 OR s.total = s.bytes)"),
        stream.uid, TablesOf(stream), filter.ids, filter.reason, TimeText(filter.start),
        TimeText(filter.end), filter.destination, newest_id, kLettersAtOnce, claim.replay_id,
        claim.log_id, kBytesAtOnce);
    return LoadBatch(txn, claim);
  });
}

absl::StatusOr<int64_t> DeadLetterStore::CountSkipped(const Stream& stream,
                                                      const DeadLetterFilter& filter,
                                                      int64_t newest_id) {
  return pool_.RunReadOnly([&](Transaction& txn) -> absl::StatusOr<int64_t> {
    return txn
        .Exec(absl::StrCat("SELECT count(*) AS n FROM ingestion.dead_letters AS d WHERE ",
                           std::string(kMatches), std::string(kIsWaiting),
                           " AND d.dead_letter_id <= $8 AND (d.payload = '' OR d.destination <> "
                           "ALL ($2::text[]))"),
              stream.uid, TablesOf(stream), filter.ids, filter.reason, TimeText(filter.start),
              TimeText(filter.end), filter.destination, newest_id)
        .One()
        .Get<int64_t>("n");
  });
}

absl::StatusOr<std::vector<ReplayClaim>> DeadLetterStore::Unfinished(std::string_view stream_uid) {
  return pool_.RunReadOnly([&](Transaction& txn) -> absl::StatusOr<std::vector<ReplayClaim>> {
    std::vector<ReplayClaim> claims;
    for (const Row row :
         txn.Exec(absl::StrCat("SELECT DISTINCT replay_id, destination, replay_log_id FROM "
                               "ingestion.dead_letters WHERE stream_uid = $1 AND replay_id IS NOT "
                               "NULL AND replay_time IS NULL AND ",
                               std::string(kCanBeFinished)),
                  stream_uid)) {
      claims.push_back({row.Get<std::string>("replay_id"), row.Get<std::string>("destination"),
                        row.Get<std::string>("replay_log_id")});
    }
    return claims;
  });
}

absl::StatusOr<ReplayBatch> DeadLetterStore::Load(const ReplayClaim& claim) {
  return pool_.RunReadOnly(
      [&](Transaction& txn) -> absl::StatusOr<ReplayBatch> { return LoadBatch(txn, claim); });
}

absl::Status DeadLetterStore::Release(const Stream& stream, std::string_view replay_id) {
  return pool_.Run([&](Transaction& txn) -> absl::Status {
    txn.Exec(
        "UPDATE ingestion.dead_letters SET replay_id = NULL, replay_log_id = NULL WHERE "
        "stream_uid = $1 AND replay_id = $2 AND replay_time IS NULL",
        stream.uid, replay_id);
    return absl::OkStatus();
  });
}

absl::StatusOr<std::vector<std::string>> DeadLetterStore::StreamsWithUnfinished() {
  return pool_.RunReadOnly([&](Transaction& txn) -> absl::StatusOr<std::vector<std::string>> {
    std::vector<std::string> uids;
    for (const Row row :
         txn.Exec(absl::StrCat("SELECT DISTINCT stream_uid FROM ingestion.dead_letters WHERE "
                               "replay_id IS NOT NULL AND replay_time IS NULL AND ",
                               std::string(kCanBeFinished)))) {
      uids.push_back(row.Get<std::string>("stream_uid"));
    }
    return uids;
  });
}

absl::StatusOr<int64_t> DeadLetterStore::MarkReplayed(const Stream& stream,
                                                      std::string_view replay_id,
                                                      uint64_t first_position) {
  return pool_.Run([&](Transaction& txn) -> absl::StatusOr<int64_t> {
    LockLogs(txn, stream.uid);
    const int64_t marked =
        txn.Exec(
               "UPDATE ingestion.dead_letters AS d SET replay_time = now(), replay_position = "
               "o.position FROM (SELECT dead_letter_id, $3::bigint - 1 + row_number() OVER (ORDER "
               "BY "
               "dead_letter_id) AS position FROM ingestion.dead_letters WHERE replay_id = $2 AND "
               "replay_time IS NULL) AS o WHERE d.stream_uid = $1 AND d.dead_letter_id = "
               "o.dead_letter_id",
               stream.uid, replay_id, first_position)
            .affected_rows();
    if (marked == 0) return 0;
    // Where delivery was faster than this mark.
    txn.Exec(
        "UPDATE ingestion.dead_letters AS n SET attempts = o.attempts + 1 FROM "
        "ingestion.dead_letters AS o WHERE o.replay_id = $2 AND o.stream_uid = $1 AND n.stream_uid "
        "= $1 AND n.log_id = o.replay_log_id AND n.destination = o.destination AND n.position = "
        "o.replay_position",
        stream.uid, replay_id);
    txn.Exec(
        "UPDATE ingestion.stream_logs AS l SET replayed_dead_letters = replayed_dead_letters + d.n "
        "FROM (SELECT log_id, destination, count(*) AS n FROM ingestion.dead_letters WHERE "
        "stream_uid = $1 AND replay_id = $2 GROUP BY log_id, destination) AS d WHERE l.stream_uid "
        "= $1 AND l.log_id = d.log_id AND l.destination = d.destination",
        stream.uid, replay_id);
    TARN_RETURN_IF_ERROR(AppendEvent(txn, stream, "replayed", marked));
    return marked;
  });
}

absl::StatusOr<int64_t> DeadLetterStore::Purge(const Stream& stream,
                                               const DeadLetterFilter& filter) {
  return pool_.Run([&](Transaction& txn) -> absl::StatusOr<int64_t> {
    LockLogs(txn, stream.uid);
    const int64_t purged =
        txn.Exec(absl::StrCat(
                     "WITH gone AS (DELETE FROM ingestion.dead_letters WHERE stream_uid = $1 AND "
                     "dead_letter_id IN (SELECT d.dead_letter_id FROM ingestion.dead_letters AS d "
                     "WHERE ",
                     std::string(kMatches),
                     " AND (d.replay_id IS NULL OR (d.replay_time IS NULL AND NOT d.",
                     std::string(kCanBeFinished), "))",
                     " ORDER BY d.dead_letter_id LIMIT $8) RETURNING log_id, destination), "
                     "counted AS (UPDATE ingestion.stream_logs AS l SET purged_dead_letters = "
                     "purged_dead_letters + g.n FROM (SELECT log_id, destination, count(*) AS n "
                     "FROM gone GROUP BY log_id, destination) AS g WHERE l.stream_uid = $1 AND "
                     "l.log_id = g.log_id AND l.destination = g.destination) "
                     "SELECT count(*) AS n FROM gone"),
                 stream.uid, TablesOf(stream), filter.ids, filter.reason, TimeText(filter.start),
                 TimeText(filter.end), filter.destination, kPurgedAtOnce)
            .One()
            .Get<int64_t>("n");
    if (purged > 0) TARN_RETURN_IF_ERROR(AppendEvent(txn, stream, "purged", purged));
    return purged;
  });
}

absl::Status DeadLetterStore::ForgetReplayed(absl::Duration age) {
  return pool_.Run([&](Transaction& txn) -> absl::Status {
    txn.Exec(
        "DELETE FROM ingestion.dead_letters WHERE replay_time < now() - $1::float8 * "
        "interval '1 second'",
        absl::ToDoubleSeconds(age));
    return absl::OkStatus();
  });
}

}  // namespace tarn::ingestion

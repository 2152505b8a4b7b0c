#include "services/ingestion/stream/delivery_store.h"

#include <algorithm>
#include <optional>

#include <absl/strings/escaping.h>
#include <absl/strings/str_cat.h>
#include <nlohmann/json.hpp>

#include "common/events/event.h"
#include "common/status/status_macros.h"
#include "services/ingestion/stream/stream_store.h"

namespace tarn::ingestion {
namespace {

constexpr size_t kRowsAtOnce = 500;

const LeaseTable& LogsTable() {
  static const auto* const kTable = new LeaseTable{"ingestion.logs", {"wal_uuid"}};
  return *kTable;
}

// PostgreSQL's text holds no NUL.
std::string WithoutNul(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '\0') {
      out += "\xEF\xBF\xBD";
    } else {
      out.push_back(c);
    }
  }
  return out;
}

// How many of them were not there.
int64_t InsertDeadLetters(Transaction& txn, const DeliveryKey& key,
                          const std::vector<NewDeadLetter>& dead_letters) {
  int64_t added = 0;
  for (size_t begin = 0; begin < dead_letters.size(); begin += kRowsAtOnce) {
    const size_t end = std::min(dead_letters.size(), begin + kRowsAtOnce);
    std::vector<int64_t> positions;
    std::vector<std::string> payloads, reasons, fields, messages, times;
    for (size_t i = begin; i < end; ++i) {
      const NewDeadLetter& letter = dead_letters[i];
      positions.push_back(static_cast<int64_t>(letter.position));
      payloads.push_back(
          absl::BytesToHexString(absl::string_view(letter.payload.data(), letter.payload.size())));
      reasons.push_back(letter.reason);
      fields.push_back(WithoutNul(letter.field));
      messages.push_back(WithoutNul(letter.message));
      times.push_back(
          absl::FormatTime(absl::RFC3339_full, letter.ingest_time, absl::UTCTimeZone()));
    }
    added += txn.Exec(
                    "INSERT INTO ingestion.dead_letters (stream_uid, log_id, destination, "
                    "position, payload, reason, field, message, ingest_time) SELECT $1, $2, $3, "
                    "p, decode(x, 'hex'), r, f, m, t FROM unnest($4::bigint[], $5::text[], "
                    "$6::text[], $7::text[], $8::text[], $9::timestamptz[]) AS u (p, x, r, f, m, "
                    "t) ON CONFLICT DO NOTHING",
                    key.stream_uid, key.log_id, key.destination, positions, payloads, reasons,
                    fields, messages, times)
                 .affected_rows();
    // Letters that were put back and failed again.
    txn.Exec(
        "UPDATE ingestion.dead_letters AS n SET attempts = o.attempts + 1 FROM "
        "ingestion.dead_letters AS o WHERE n.stream_uid = $1 AND n.log_id = $2 AND n.destination = "
        "$3 AND n.position = ANY ($4::bigint[]) AND o.stream_uid = $1 AND o.destination = $3 AND "
        "o.replay_log_id = $2 AND o.replay_position = n.position",
        key.stream_uid, key.log_id, key.destination, positions);
  }
  return added;
}

}  // namespace

absl::StatusOr<Lease> DeliveryStore::TakeLog(std::string_view wal_uuid, std::string_view holder) {
  return pool_.Run([&](Transaction& txn) -> absl::StatusOr<Lease> {
    const Row row =
        txn.Exec(
               "INSERT INTO ingestion.logs AS l (wal_uuid, lease_holder, lease_epoch, "
               "lease_expires_at) VALUES ($1, $2, 1, 'infinity') ON CONFLICT (wal_uuid) DO UPDATE "
               "SET lease_holder = $2, lease_epoch = l.lease_epoch + 1 RETURNING lease_epoch",
               wal_uuid, holder)
            .One();
    return Lease{.key = {std::string(wal_uuid)},
                 .holder = std::string(holder),
                 .epoch = row.Get<int64_t>("lease_epoch"),
                 .expires_at = absl::InfiniteFuture()};
  });
}

absl::StatusOr<DeliveryState> DeliveryStore::Resume(const Lease& lease, const DeliveryKey& key,
                                                    std::string_view wal_uuid, uint64_t start) {
  return pool_.Run([&](Transaction& txn) -> absl::StatusOr<DeliveryState> {
    TARN_RETURN_IF_ERROR(CheckLease(txn, LogsTable(), lease));
    const Result rows = txn.Exec(
        "INSERT INTO ingestion.stream_logs AS l (stream_uid, log_id, destination, wal_uuid, "
        "delivered_position) SELECT uid, $2, $3, $4, $5 FROM ingestion.streams WHERE uid = $1 "
        "ON CONFLICT (stream_uid, log_id, destination) DO UPDATE SET delivered_position = "
        "greatest(l.delivered_position, $5) "
        "RETURNING delivered_position, prepared_position IS NOT NULL AS has_prepared",
        key.stream_uid, key.log_id, key.destination, wal_uuid, start);
    if (rows.empty()) return StreamNotFound(key.stream_uid);
    DeliveryState state;
    state.delivered_position = static_cast<uint64_t>(rows[0].Get<int64_t>("delivered_position"));
    state.has_prepared = rows[0].Get<bool>("has_prepared");
    for (const Row row :
         txn.Exec("SELECT position FROM ingestion.dead_letters WHERE stream_uid = "
                  "$1 AND log_id = $2 AND destination = $3 AND position >= $4",
                  key.stream_uid, key.log_id, key.destination, state.delivered_position)) {
      state.dead_letters.insert(static_cast<uint64_t>(row.Get<int64_t>("position")));
    }
    return state;
  });
}

absl::Status DeliveryStore::Prepare(const Lease& lease, const Stream& stream,
                                    const DeliveryKey& key, const PreparedBatch& batch) {
  return pool_.Run([&](Transaction& txn) -> absl::Status {
    TARN_RETURN_IF_ERROR(CheckLease(txn, LogsTable(), lease));
    // One at a time with the marks of replays.
    txn.Exec(
        "SELECT 1 FROM ingestion.stream_logs WHERE stream_uid = $1 ORDER BY log_id, destination "
        "FOR UPDATE",
        key.stream_uid);
    const int64_t added = InsertDeadLetters(txn, key, batch.dead_letters);
    txn.Exec(
        "UPDATE ingestion.stream_logs SET dead_letter_records = dead_letter_records + $4, "
        "prepared_position = $5, prepared_filtered = $6 "
        "WHERE stream_uid = $1 AND log_id = $2 AND destination = $3",
        key.stream_uid, key.log_id, key.destination, added, batch.end_position, batch.filtered);
    if (added == 0) return absl::OkStatus();
    return events::Append(
        txn, {.workspace = stream.workspace,
              .type = "tarn.ingestion.dead_letters.added",
              .source = "ingestion",
              .subject = stream.name(),
              .data = nlohmann::json({{"count", added}, {"destination", key.destination}}).dump()});
  });
}

absl::Status DeliveryStore::SetDelivered(const Lease& lease, const DeliveryKey& key,
                                         uint64_t position, bool committed) {
  return pool_.Run([&](Transaction& txn) -> absl::Status {
    TARN_RETURN_IF_ERROR(CheckLease(txn, LogsTable(), lease));
    // What of the range was not left out, and is not among the dead letters, stands in the table.
    txn.Exec(
        "UPDATE ingestion.stream_logs AS l SET delivered_position = $4, delivered_records = "
        "delivered_records + ($4 - l.delivered_position) - b.dead - b.filtered, "
        "filtered_records = filtered_records + b.filtered, prepared_position = NULL, "
        "last_delivery_time = CASE WHEN $5::boolean THEN now() ELSE last_delivery_time END "
        "FROM (SELECT CASE WHEN p.prepared_position = $4 THEN p.prepared_filtered ELSE 0 END AS "
        "filtered, (SELECT count(*) FROM ingestion.dead_letters AS d WHERE d.stream_uid = $1 AND "
        "d.log_id = $2 AND d.destination = $3 AND d.position >= p.delivered_position AND "
        "d.position < $4) AS dead FROM ingestion.stream_logs AS p WHERE p.stream_uid = $1 AND "
        "p.log_id = $2 AND p.destination = $3) AS b "
        "WHERE l.stream_uid = $1 AND l.log_id = $2 AND l.destination = $3 AND "
        "l.delivered_position < $4",
        key.stream_uid, key.log_id, key.destination, position, committed);
    return absl::OkStatus();
  });
}

absl::StatusOr<std::vector<DeliveryCounts>> DeliveryStore::Counts(std::string_view stream_uid) {
  return pool_.RunReadOnly([&](Transaction& txn) -> absl::StatusOr<std::vector<DeliveryCounts>> {
    std::vector<DeliveryCounts> all;
    for (const Row row :
         txn.Exec("SELECT log_id, destination, delivered_position, delivered_records, "
                  "filtered_records, dead_letter_records, dead_letter_records - "
                  "replayed_dead_letters - purged_dead_letters AS waiting, last_delivery_time "
                  "FROM ingestion.stream_logs WHERE stream_uid = $1",
                  stream_uid)) {
      DeliveryCounts& counts = all.emplace_back();
      counts.log_id = row.Get<std::string>("log_id");
      counts.destination = row.Get<std::string>("destination");
      counts.delivered_position = row.Get<int64_t>("delivered_position");
      counts.delivered_records = row.Get<int64_t>("delivered_records");
      counts.filtered_records = row.Get<int64_t>("filtered_records");
      counts.dead_letter_records = row.Get<int64_t>("dead_letter_records");
      counts.waiting_dead_letters = row.Get<int64_t>("waiting");
      counts.last_delivery_time =
          row.Get<std::optional<absl::Time>>("last_delivery_time").value_or(absl::InfinitePast());
    }
    return all;
  });
}

}  // namespace tarn::ingestion

#include "services/ingestion/stream/stream_store.h"

#include <algorithm>

#include <absl/strings/escaping.h>
#include <absl/strings/str_cat.h>
#include <google/protobuf/empty.pb.h>
#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/message_differencer.h>

#include "common/events/event.h"
#include "common/idempotency/idempotency.h"
#include "common/ids/ids.h"
#include "common/names/names.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"

namespace tarn::ingestion {
namespace {

constexpr std::string_view kColumns =
    "workspace, stream_id, uid, definition, owner, revision, create_time, update_time";
constexpr std::string_view kService = "tarn.ingestion.v1.IngestionService/";

const LeaseTable& LogsTable() {
  static const auto* const kTable = new LeaseTable{"ingestion.logs", {"wal_uuid"}};
  return *kTable;
}

idempotency::RequestKey KeyOf(const RequestContext& context, std::string_view method,
                              const std::string& request_id) {
  return {context.workspace, context.user, absl::StrCat(std::string(kService), std::string(method)),
          request_id};
}

std::string ToJson(const v1::Stream& definition) {
  std::string json;
  google::protobuf::util::MessageToJsonString(definition, &json).ok();
  return json;
}

absl::StatusOr<Stream> FromRow(const Row& row) {
  Stream stream;
  stream.workspace = row.Get<std::string>("workspace");
  stream.id = row.Get<std::string>("stream_id");
  stream.uid = row.Get<std::string>("uid");
  stream.owner = row.Get<std::string>("owner");
  stream.revision = row.Get<int64_t>("revision");
  stream.create_time = row.Get<absl::Time>("create_time");
  stream.update_time = row.Get<absl::Time>("update_time");
  google::protobuf::util::JsonParseOptions options;
  options.ignore_unknown_fields = true;  // of a later release
  const auto parsed = google::protobuf::util::JsonStringToMessage(
      row.Get<std::string>("definition"), &stream.definition, options);
  if (!parsed.ok()) {
    return Internal("STORED_STREAM",
                    absl::StrCat("the stored definition of stream ", stream.id, " cannot be read"));
  }
  return stream;
}

absl::StatusOr<std::vector<Stream>> FromRows(const Result& rows) {
  std::vector<Stream> streams;
  for (const Row row : rows) {
    TARN_ASSIGN_OR_RETURN(Stream stream, FromRow(row));
    streams.push_back(std::move(stream));
  }
  return streams;
}

absl::StatusOr<Stream> GetRow(Transaction& txn, std::string_view workspace, std::string_view id,
                              bool lock) {
  const Result rows =
      txn.Exec(absl::StrCat("SELECT ", std::string(kColumns),
                            " FROM ingestion.streams WHERE workspace = $1 AND stream_id = $2",
                            lock ? " FOR UPDATE" : ""),
               workspace, id);
  if (rows.empty()) return StreamNotFound(id);
  return FromRow(rows[0]);
}

absl::Status CheckEtag(const std::string& given, const Stream& stream) {
  if (given.empty() || given == stream.etag()) return absl::OkStatus();
  return Aborted("ETAG_MISMATCH",
                 absl::StrCat(stream.name(), " has changed since it was read; read it again"),
                 {{"stream", stream.name()}});
}

absl::Status CheckNoDeadLetters(Transaction& txn, const Stream& stream) {
  const Result waiting = txn.Exec(
      "SELECT 1 FROM ingestion.dead_letters WHERE stream_uid = $1 AND replay_time IS NULL LIMIT 1",
      stream.uid);
  if (waiting.empty()) return absl::OkStatus();
  return FailedPrecondition("STREAM_HAS_DEAD_LETTERS",
                            absl::StrCat("dead letters of ", stream.name(),
                                         " wait and would be lost with it; put them back "
                                         "(ReplayDeadLetters) or remove them (PurgeDeadLetters)"),
                            {{"stream", stream.name()}});
}

// PostgreSQL's text holds no NUL.
std::string WithoutNul(std::string text) {
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

}  // namespace

absl::Status StreamNotFound(std::string_view id) {
  return NotFound("STREAM_NOT_FOUND",
                  absl::StrCat("there is no stream \"", std::string(id),
                               "\"; make it first (tarn apply, CreateStream), or see ListStreams"),
                  {{"stream", "streams/" + std::string(id)}});
}

absl::StatusOr<Stream> StreamStore::Create(const RequestContext& context,
                                           const v1::CreateStreamRequest& request,
                                           const v1::Stream& normal) {
  const std::string id = normal.name().substr(std::string_view("streams/").size());
  return pool_.Run([&](Transaction& txn) -> absl::StatusOr<Stream> {
    // The stored answer is the name: the stream itself is read again, with what it is now.
    const auto once = idempotency::Once<v1::Stream>(
        txn, "ingestion", KeyOf(context, "CreateStream", request.request_id()), request,
        [&]() -> absl::StatusOr<v1::Stream> {
          const Result inserted = txn.Exec(
              "INSERT INTO ingestion.streams (workspace, stream_id, uid, definition, owner, "
              "create_time, update_time) VALUES ($1, $2, $3, $4::jsonb, $5, now(), now()) "
              "ON CONFLICT (workspace, stream_id) DO NOTHING",
              context.workspace, id, NewUuid(), ToJson(normal), context.user);
          if (inserted.affected_rows() == 0) {
            return AlreadyExists("STREAM_EXISTS",
                                 absl::StrCat("stream \"", id,
                                              "\" is there already; change it with "
                                              "UpdateStream or tarn apply"),
                                 {{"stream", normal.name()}});
          }
          return normal;
        });
    TARN_RETURN_IF_ERROR(once.status());
    return GetRow(txn, context.workspace, id, false);
  });
}

absl::StatusOr<Stream> StreamStore::Update(
    const RequestContext& context, const v1::UpdateStreamRequest& request, std::string_view id,
    const std::function<absl::StatusOr<v1::Stream>(const v1::Stream&)>& change) {
  return pool_.Run([&](Transaction& txn) -> absl::StatusOr<Stream> {
    const auto once = idempotency::Once<v1::Stream>(
        txn, "ingestion", KeyOf(context, "UpdateStream", request.request_id()), request,
        [&]() -> absl::StatusOr<v1::Stream> {
          TARN_ASSIGN_OR_RETURN(const Stream current, GetRow(txn, context.workspace, id, true));
          TARN_RETURN_IF_ERROR(CheckEtag(request.stream().etag(), current));
          TARN_ASSIGN_OR_RETURN(v1::Stream next, change(current.definition));
          if (google::protobuf::util::MessageDifferencer::Equals(next, current.definition)) {
            return next;
          }
          txn.Exec(
              "UPDATE ingestion.streams SET definition = $3::jsonb, revision = revision + 1, "
              "update_time = now() WHERE workspace = $1 AND stream_id = $2",
              context.workspace, id, ToJson(next));
          return next;
        });
    TARN_RETURN_IF_ERROR(once.status());
    return GetRow(txn, context.workspace, id, false);
  });
}

absl::Status StreamStore::Delete(const RequestContext& context,
                                 const v1::DeleteStreamRequest& request, std::string_view id) {
  return pool_.Run([&](Transaction& txn) -> absl::Status {
    return idempotency::Once<v1::DeleteStreamResponse>(
               txn, "ingestion", KeyOf(context, "DeleteStream", request.request_id()), request,
               [&]() -> absl::StatusOr<v1::DeleteStreamResponse> {
                 TARN_ASSIGN_OR_RETURN(const Stream current,
                                       GetRow(txn, context.workspace, id, true));
                 TARN_RETURN_IF_ERROR(CheckEtag(request.etag(), current));
                 TARN_RETURN_IF_ERROR(CheckNoDeadLetters(txn, current));
                 txn.Exec("DELETE FROM ingestion.streams WHERE workspace = $1 AND stream_id = $2",
                          context.workspace, id);
                 return v1::DeleteStreamResponse();
               })
        .status();
  });
}

absl::StatusOr<Stream> StreamStore::Get(std::string_view workspace, std::string_view id) {
  return pool_.RunReadOnly([&](Transaction& txn) { return GetRow(txn, workspace, id, false); });
}

absl::StatusOr<std::vector<Stream>> StreamStore::List(std::string_view workspace,
                                                      std::string_view after, int limit) {
  return pool_.RunReadOnly([&](Transaction& txn) {
    return FromRows(txn.Exec(absl::StrCat("SELECT ", std::string(kColumns),
                                          " FROM ingestion.streams WHERE workspace = $1 AND "
                                          "stream_id > $2 ORDER BY stream_id LIMIT $3"),
                             workspace, after, limit));
  });
}

absl::StatusOr<std::vector<Stream>> StreamStore::LoadAll() {
  return pool_.RunReadOnly([&](Transaction& txn) {
    return FromRows(
        txn.Exec(absl::StrCat("SELECT ", std::string(kColumns), " FROM ingestion.streams")));
  });
}

absl::StatusOr<StreamCounts> StreamStore::Counts(std::string_view stream_uid,
                                                 std::string_view log_id) {
  return pool_.RunReadOnly([&](Transaction& txn) -> absl::StatusOr<StreamCounts> {
    const Row row =
        txn.Exec(
               "SELECT coalesce(sum(delivered_position) FILTER (WHERE log_id = $2), 0)::bigint AS "
               "position, coalesce(sum(delivered_position) FILTER (WHERE log_id <> $2), "
               "0)::bigint AS others, coalesce(sum(delivered_records), 0)::bigint AS delivered, "
               "coalesce(sum(dead_letter_records), 0)::bigint AS dead, "
               "coalesce(sum(dead_letter_records - replayed_dead_letters - purged_dead_letters), "
               "0)::bigint AS waiting, "
               "max(last_delivery_time) AS last_delivery FROM ingestion.stream_logs "
               "WHERE stream_uid = $1",
               stream_uid, log_id)
            .One();
    StreamCounts counts;
    counts.delivered_position = row.Get<int64_t>("position");
    counts.other_positions = row.Get<int64_t>("others");
    counts.delivered_records = row.Get<int64_t>("delivered");
    counts.dead_letter_records = row.Get<int64_t>("dead");
    counts.waiting_dead_letters = row.Get<int64_t>("waiting");
    counts.last_delivery_time =
        row.Get<std::optional<absl::Time>>("last_delivery").value_or(absl::InfinitePast());
    return counts;
  });
}

absl::StatusOr<Lease> StreamStore::TakeLog(std::string_view wal_uuid, std::string_view holder) {
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

absl::StatusOr<DeliveryState> StreamStore::ResumeDelivery(std::string_view stream_uid,
                                                          std::string_view log_id,
                                                          std::string_view wal_uuid) {
  return pool_.Run([&](Transaction& txn) -> absl::StatusOr<DeliveryState> {
    txn.Exec(
        "INSERT INTO ingestion.stream_logs (stream_uid, log_id, wal_uuid) "
        "SELECT uid, $2, $3 FROM ingestion.streams WHERE uid = $1 ON CONFLICT DO NOTHING",
        stream_uid, log_id, wal_uuid);
    const Result rows = txn.Exec(
        "SELECT delivered_position FROM ingestion.stream_logs WHERE stream_uid = $1 AND log_id = "
        "$2",
        stream_uid, log_id);
    if (rows.empty()) return StreamNotFound(stream_uid);
    DeliveryState state;
    state.delivered_position = static_cast<uint64_t>(rows[0].Get<int64_t>("delivered_position"));
    for (const Row row : txn.Exec(
             "SELECT position FROM ingestion.dead_letters WHERE stream_uid = $1 AND log_id = $2 "
             "AND position >= $3",
             stream_uid, log_id, state.delivered_position)) {
      state.dead_letters.insert(static_cast<uint64_t>(row.Get<int64_t>("position")));
    }
    return state;
  });
}

absl::Status StreamStore::AddDeadLetters(const Lease& lease, const Stream& stream,
                                         std::string_view log_id,
                                         const std::vector<NewDeadLetter>& dead_letters) {
  constexpr size_t kRowsAtOnce = 500;
  return pool_.Run([&](Transaction& txn) -> absl::Status {
    TARN_RETURN_IF_ERROR(CheckLease(txn, LogsTable(), lease));
    // One at a time with the marks of replays.
    txn.Exec("SELECT 1 FROM ingestion.stream_logs WHERE stream_uid = $1 ORDER BY log_id FOR UPDATE",
             stream.uid);
    int64_t added = 0;
    for (size_t begin = 0; begin < dead_letters.size(); begin += kRowsAtOnce) {
      const size_t end = std::min(dead_letters.size(), begin + kRowsAtOnce);
      std::vector<int64_t> positions;
      std::vector<std::string> payloads, reasons, fields, messages, times;
      for (size_t i = begin; i < end; ++i) {
        const NewDeadLetter& letter = dead_letters[i];
        positions.push_back(static_cast<int64_t>(letter.position));
        payloads.push_back(absl::BytesToHexString(
            absl::string_view(letter.payload.data(), letter.payload.size())));
        reasons.push_back(letter.reason);
        fields.push_back(WithoutNul(letter.field));
        messages.push_back(WithoutNul(letter.message));
        times.push_back(
            absl::FormatTime(absl::RFC3339_full, letter.ingest_time, absl::UTCTimeZone()));
      }
      added += txn.Exec(
                      "INSERT INTO ingestion.dead_letters (stream_uid, log_id, position, payload, "
                      "reason, field, message, ingest_time) SELECT $1, $2, p, decode(x, 'hex'), r, "
                      "f, m, t FROM unnest($3::bigint[], $4::text[], $5::text[], $6::text[], "
                      "$7::text[], $8::timestamptz[]) AS u (p, x, r, f, m, t) "
                      "ON CONFLICT DO NOTHING",
                      stream.uid, log_id, positions, payloads, reasons, fields, messages, times)
                   .affected_rows();
      // Letters that were put back and failed again.
      txn.Exec(
          "UPDATE ingestion.dead_letters AS n SET attempts = o.attempts + 1 FROM "
          "ingestion.dead_letters AS o WHERE n.stream_uid = $1 AND n.log_id = $2 AND n.position = "
          "ANY ($3::bigint[]) AND o.stream_uid = $1 AND o.replay_log_id = $2 AND o.replay_position "
          "= "
          "n.position",
          stream.uid, log_id, positions);
    }
    if (added == 0) return absl::OkStatus();
    txn.Exec(
        "UPDATE ingestion.stream_logs SET dead_letter_records = dead_letter_records + $3 "
        "WHERE stream_uid = $1 AND log_id = $2",
        stream.uid, log_id, added);
    return events::Append(txn, {.workspace = stream.workspace,
                                .type = "tarn.ingestion.dead_letters.added",
                                .source = "ingestion",
                                .subject = stream.name(),
                                .data = absl::StrCat("{\"count\": ", added, "}")});
  });
}

absl::Status StreamStore::SetDelivered(const Lease& lease, std::string_view stream_uid,
                                       std::string_view log_id, uint64_t position, bool committed) {
  return pool_.Run([&](Transaction& txn) -> absl::Status {
    TARN_RETURN_IF_ERROR(CheckLease(txn, LogsTable(), lease));
    // What of the range is not among the dead letters stands in the table.
    txn.Exec(
        "UPDATE ingestion.stream_logs AS l SET delivered_position = $3, delivered_records = "
        "delivered_records + ($3 - delivered_position) - (SELECT count(*) FROM "
        "ingestion.dead_letters AS d WHERE d.stream_uid = $1 AND d.log_id = $2 AND d.position >= "
        "l.delivered_position AND d.position < $3), last_delivery_time = CASE WHEN $4::boolean "
        "THEN now() ELSE last_delivery_time END "
        "WHERE stream_uid = $1 AND log_id = $2 AND delivered_position < $3",
        stream_uid, log_id, position, committed);
    return absl::OkStatus();
  });
}

}  // namespace tarn::ingestion

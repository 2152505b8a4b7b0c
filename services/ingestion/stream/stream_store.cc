#include "services/ingestion/stream/stream_store.h"

#include <absl/strings/str_cat.h>
#include <google/protobuf/empty.pb.h>
#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/message_differencer.h>

#include "common/idempotency/idempotency.h"
#include "common/ids/ids.h"
#include "common/names/names.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/ingestion/raw/raw_copy_store.h"

namespace tarn::ingestion {
namespace {

constexpr std::string_view kColumns =
    "workspace, stream_id, uid, definition, owner, revision, create_time, update_time";
constexpr std::string_view kService = "tarn.ingestion.v1.IngestionService/";

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
          const std::string uid = NewUuid();
          const Result inserted = txn.Exec(
              "INSERT INTO ingestion.streams (workspace, stream_id, uid, definition, owner, "
              "create_time, update_time) VALUES ($1, $2, $3, $4::jsonb, $5, now(), now()) "
              "ON CONFLICT (workspace, stream_id) DO NOTHING",
              context.workspace, id, uid, ToJson(normal), context.user);
          if (inserted.affected_rows() == 0) {
            return AlreadyExists("STREAM_EXISTS",
                                 absl::StrCat("stream \"", id,
                                              "\" is there already; change it with "
                                              "UpdateStream or tarn apply"),
                                 {{"stream", normal.name()}});
          }
          RawCopyStore::Follow(txn, uid, normal, /*is_new=*/true);
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
          RawCopyStore::Follow(txn, current.uid, next, /*is_new=*/false);
          return next;
        });
    TARN_RETURN_IF_ERROR(once.status());
    return GetRow(txn, context.workspace, id, false);
  });
}

absl::Status StreamStore::Delete(const RequestContext& context,
                                 const v1::DeleteStreamRequest& request, std::string_view id,
                                 std::string_view wal_uuid) {
  return pool_.Run([&](Transaction& txn) -> absl::Status {
    return idempotency::Once<v1::DeleteStreamResponse>(
               txn, "ingestion", KeyOf(context, "DeleteStream", request.request_id()), request,
               [&]() -> absl::StatusOr<v1::DeleteStreamResponse> {
                 TARN_ASSIGN_OR_RETURN(const Stream current,
                                       GetRow(txn, context.workspace, id, true));
                 TARN_RETURN_IF_ERROR(CheckEtag(request.etag(), current));
                 TARN_RETURN_IF_ERROR(CheckNoDeadLetters(txn, current));
                 RawCopyStore::Bury(txn, current.uid);
                 txn.Exec("DELETE FROM ingestion.streams WHERE workspace = $1 AND stream_id = $2",
                          context.workspace, id);
                 txn.Exec(
                     "INSERT INTO ingestion.drained_streams (stream_uid, wal_uuid) VALUES ($1, $2)",
                     current.uid, wal_uuid);
                 return v1::DeleteStreamResponse();
               })
        .status();
  });
}

absl::StatusOr<std::vector<std::string>> StreamStore::FindDrained(
    const std::vector<std::string>& stream_uids, std::string_view wal_uuid) {
  return pool_.RunReadOnly([&](Transaction& txn) -> absl::StatusOr<std::vector<std::string>> {
    std::vector<std::string> drained;
    for (const Row row : txn.Exec("SELECT stream_uid FROM ingestion.drained_streams WHERE wal_uuid "
                                  "= $1 AND stream_uid = ANY ($2::text[])",
                                  wal_uuid, stream_uids)) {
      drained.push_back(row.Get<std::string>("stream_uid"));
    }
    return drained;
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

}  // namespace tarn::ingestion

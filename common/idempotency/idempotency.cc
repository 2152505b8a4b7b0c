#include "common/idempotency/idempotency.h"

#include <absl/strings/str_cat.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/message_lite.h>

#include "common/postgres/postgres_pool.h"

namespace tarn::idempotency {
namespace {

std::string Table(std::string_view schema) { return std::string(schema) + ".idempotency"; }

constexpr char kKeyIs[] =
    " WHERE workspace = $1 AND caller = $2 AND method = $3 AND request_id = $4";

}  // namespace

absl::StatusOr<std::optional<std::string>> Lookup(Transaction& txn, std::string_view schema,
                                                  const RequestKey& key, std::string_view request) {
  if (key.request_id.empty()) return std::nullopt;
  const Bytes octets{std::string(request)};
  // The first to come takes the place; a second one waits here until the first has ended.
  Result taken =
      txn.Exec(absl::StrCat("INSERT INTO ", Table(schema),
                            " (workspace, caller, method, request_id, request_hash)"
                            " VALUES ($1, $2, $3, $4, sha256($5::bytea)) ON CONFLICT DO NOTHING"),
               key.workspace, key.caller, key.method, key.request_id, octets);
  if (taken.affected_rows() == 1) return std::nullopt;
  Row row = txn.Exec(absl::StrCat("SELECT response, request_hash = sha256($5::bytea) AS same FROM ",
                                  Table(schema), kKeyIs),
                     key.workspace, key.caller, key.method, key.request_id, octets)
                .One();
  if (!row.Get<bool>("same")) {
    return FailedPrecondition("REQUEST_ID_REUSED",
                              "request_id " + key.request_id + " was used for another request to " +
                                  key.method + ": make a new one for each request",
                              {{"request_id", key.request_id}, {"method", key.method}});
  }
  return row.Get<std::optional<Bytes>>("response").value_or(Bytes{}).data;
}

void Store(Transaction& txn, std::string_view schema, const RequestKey& key,
           std::string_view response) {
  if (key.request_id.empty()) return;
  txn.Exec(absl::StrCat("UPDATE ", Table(schema), " SET response = $5::bytea", kKeyIs),
           key.workspace, key.caller, key.method, key.request_id, Bytes{std::string(response)});
}

absl::StatusOr<int64_t> Purge(PostgresPool& pool, std::string_view schema, absl::Duration age) {
  return pool.Run([&](Transaction& txn) -> absl::StatusOr<int64_t> {
    return txn
        .Exec(absl::StrCat("DELETE FROM ", Table(schema),
                           " WHERE created_at < now() - $1::bigint * interval '1 second'"),
              absl::ToInt64Seconds(age))
        .affected_rows();
  });
}

std::string Serialize(const google::protobuf::MessageLite& message) {
  std::string octets;
  google::protobuf::io::StringOutputStream stream(&octets);
  {
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    message.SerializeToCodedStream(&coded);
  }
  return octets;
}

bool Deserialize(std::string_view octets, google::protobuf::MessageLite& message) {
  return message.ParseFromArray(octets.data(), static_cast<int>(octets.size()));
}

}  // namespace tarn::idempotency

// Requests that may arrive twice: the second one gets the first one's response.
//
// Each module has a table <schema>.idempotency, made by a migration of its own that contains
// idempotency.sql (beside this file) with the schema's name. A mutation stores its response in the
// same transaction as its effect:
//
//   absl::StatusOr<v1::Table> table = pool.Run([&](Transaction& txn) {
//     return idempotency::Once<v1::Table>(txn, "catalog", key, request,
//                                         [&]() -> absl::StatusOr<v1::Table> { … });
//   });
//
// A second request that runs at the same time waits for the first one's transaction. Only successes
// are kept: an error rolls back, and the request may be tried again. Records are kept for a day.
// Functions run SQL as Transaction::Exec does; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "common/postgres/transaction.h"
#include "common/status/error.h"

namespace google::protobuf {
class MessageLite;
}  // namespace google::protobuf

namespace tarn {

class PostgresPool;

namespace idempotency {

inline constexpr absl::Duration kRetention = absl::Hours(24);

struct RequestKey {
  std::string workspace;
  std::string caller;      // the user or service, so that nobody reads another's responses
  std::string method;      // "tarn.catalog.v1.CatalogService/CreateTable"
  std::string request_id;  // "" means that the caller asks for no such thing
};

// The response stored under `key`, or nothing, in which case the caller goes on and calls Store
// before the transaction ends. `request` is the whole request, serialized always in the same way.
// `schema` goes into SQL as it is: a constant.
// Errors: FAILED_PRECONDITION with reason REQUEST_ID_REUSED when the request is another one.
absl::StatusOr<std::optional<std::string>> Lookup(Transaction& txn, std::string_view schema,
                                                  const RequestKey& key, std::string_view request);

// Keeps `response`; after a Lookup in the same transaction that found nothing.
void Store(Transaction& txn, std::string_view schema, const RequestKey& key,
           std::string_view response);

// Forgets what is older than `age`; how many. Call it now and then.
absl::StatusOr<int64_t> Purge(PostgresPool& pool, std::string_view schema,
                              absl::Duration age = kRetention);

// The same message gives the same octets, map fields included.
std::string Serialize(const google::protobuf::MessageLite& message);
bool Deserialize(std::string_view octets, google::protobuf::MessageLite& message);

// Lookup, else `fn` (which returns StatusOr<Response>, a proto) and Store.
template <typename Response, typename F>
absl::StatusOr<Response> Once(Transaction& txn, std::string_view schema, const RequestKey& key,
                              const google::protobuf::MessageLite& request, F&& fn) {
  absl::StatusOr<std::optional<std::string>> stored = Lookup(txn, schema, key, Serialize(request));
  if (!stored.ok()) return stored.status();
  if (stored->has_value()) {
    Response response;
    if (!Deserialize(**stored, response)) {
      return Internal("STORED_RESPONSE", "the stored response of " + key.method +
                                             " cannot be read; use a new request_id");
    }
    return response;
  }
  absl::StatusOr<Response> response = fn();
  if (response.ok()) Store(txn, schema, key, Serialize(*response));
  return response;
}

}  // namespace idempotency
}  // namespace tarn

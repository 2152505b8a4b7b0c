// What every service of the catalog does around a call: admission, the state of the storage, one
// transaction, and for changes the first result again when a request comes twice. A base of the
// services; thread safe. What it refers to outlives it.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <grpcpp/support/status.h>

#include "common/idempotency/idempotency.h"
#include "common/postgres/postgres_pool.h"
#include "common/rpc/call_handler.h"
#include "services/catalog/actor.h"
#include "services/catalog/storage.h"
#include "services/catalog/table.h"

namespace grpc {
class ServerContext;
}

namespace tarn::catalog {

Actor ActorOf(const rpc::CallContext& call);

// The table of a resource name, in the actor's workspace. INVALID_ARGUMENT INVALID_RESOURCE_NAME.
absl::StatusOr<TableKey> TableKeyOf(const Actor& actor, const std::string& name);

// The cursor of a list whose newest numbers come first: list those below. INVALID_ARGUMENT
// INVALID_PAGE_TOKEN.
absl::StatusOr<int64_t> NumberCursor(const std::string& cursor);

class CatalogCalls {
 protected:
  CatalogCalls(rpc::CallHandlerOptions handler, Storage& storage);
  ~CatalogCalls() = default;

  // A call that reads in one transaction.
  grpc::Status Read(grpc::ServerContext* context, std::string_view method,
                    const std::function<absl::Status(Transaction&, const Actor&)>& body);
  // A call that changes something, once for each request_id: `body` fills the response.
  template <typename Request, typename Response>
  grpc::Status Write(
      grpc::ServerContext* context, std::string_view method, const Request& request,
      Response* response,
      const std::function<absl::Status(Transaction&, const Actor&, Response*)>& body);

  rpc::CallHandler handler_;
  Storage& storage_;
};

template <typename Request, typename Response>
grpc::Status CatalogCalls::Write(
    grpc::ServerContext* context, std::string_view method, const Request& request,
    Response* response,
    const std::function<absl::Status(Transaction&, const Actor&, Response*)>& body) {
  return handler_.Handle(
      context, {method, rpc::Access::kWrite}, [&](const rpc::CallContext& call) -> absl::Status {
        if (absl::Status open = storage_.Check(); !open.ok()) return open;
        const Actor actor = ActorOf(call);
        std::string request_id;
        if constexpr (requires { request.request_id(); }) request_id = request.request_id();
        const idempotency::RequestKey key{actor.workspace, actor.user, std::string(method),
                                          request_id};
        absl::StatusOr<Response> result = storage_.pool().Run([&](Transaction& txn) {
          return idempotency::Once<Response>(txn, "catalog", key, request,
                                             [&]() -> absl::StatusOr<Response> {
                                               Response made;
                                               absl::Status status = body(txn, actor, &made);
                                               if (!status.ok()) return status;
                                               return made;
                                             });
        });
        if (!result.ok()) return result.status();
        *response = *std::move(result);
        return absl::OkStatus();
      });
}

}  // namespace tarn::catalog

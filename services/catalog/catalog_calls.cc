#include "services/catalog/catalog_calls.h"

#include <limits>

#include <absl/strings/numbers.h>

#include "common/names/names.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"

namespace tarn::catalog {

Actor ActorOf(const rpc::CallContext& call) {
  return {call.caller.workspace, call.caller.user, call.request_id};
}

absl::StatusOr<TableKey> TableKeyOf(const Actor& actor, const std::string& name) {
  TARN_ASSIGN_OR_RETURN(const names::TableId id, names::ParseTable(name));
  return TableKey{actor.workspace, id.database, id.table};
}

absl::StatusOr<int64_t> NumberCursor(const std::string& cursor) {
  int64_t before = std::numeric_limits<int64_t>::max();
  if (!cursor.empty() && !absl::SimpleAtoi(cursor, &before)) {
    return InvalidArgument("INVALID_PAGE_TOKEN", "the page token is damaged");
  }
  return before;
}

CatalogCalls::CatalogCalls(rpc::CallHandlerOptions handler, Storage& storage)
    : handler_(std::move(handler)), storage_(storage) {}

grpc::Status CatalogCalls::Read(
    grpc::ServerContext* context, std::string_view method,
    const std::function<absl::Status(Transaction&, const Actor&)>& body) {
  return handler_.Handle(context, {method, rpc::Access::kRead},
                         [&](const rpc::CallContext& call) -> absl::Status {
                           TARN_RETURN_IF_ERROR(storage_.Check());
                           const Actor actor = ActorOf(call);
                           return storage_.pool().RunReadOnly(
                               [&](Transaction& txn) -> absl::Status { return body(txn, actor); });
                         });
}

}  // namespace tarn::catalog

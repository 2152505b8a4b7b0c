// Puts users' own events into the outbox.
#pragma once

#include <absl/status/statusor.h>

#include "tarn/alerting/v1/alerting_service.pb.h"

#include "common/rpc/call_context.h"

namespace tarn {
class PostgresPool;
}

namespace tarn::alerting {

// All of them or none, in their order, into the caller's workspace. INVALID_ARGUMENT for an event
// that is refused. Thread safe; `pool` is used during the call only.
absl::StatusOr<v1::PublishEventsResponse> PublishEvents(PostgresPool& pool,
                                                        const rpc::CallContext& call,
                                                        const v1::PublishEventsRequest& request);

}  // namespace tarn::alerting

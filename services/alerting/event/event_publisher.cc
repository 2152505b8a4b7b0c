#include "services/alerting/event/event_publisher.h"

#include <vector>

#include <absl/strings/str_cat.h>

#include "common/postgres/postgres_pool.h"
#include "common/status/status_macros.h"
#include "services/alerting/event/event_proto.h"
#include "services/alerting/request_key.h"

namespace tarn::alerting {
namespace {

constexpr int kMaxEvents = 100;

}  // namespace

absl::StatusOr<v1::PublishEventsResponse> PublishEvents(PostgresPool& pool,
                                                        const rpc::CallContext& call,
                                                        const v1::PublishEventsRequest& request) {
  if (request.events_size() == 0 || request.events_size() > kMaxEvents) {
    return InvalidFields({{"events", "must be 1 to 100 events"}});
  }
  std::vector<events::Event> published;
  for (int i = 0; i < request.events_size(); ++i) {
    TARN_ASSIGN_OR_RETURN(events::Event event,
                          FromProto(request.events(i), absl::StrCat("events[", i, "]")));
    event.workspace = call.caller.workspace;
    event.request_id = call.request_id;
    published.push_back(std::move(event));
  }
  return pool.Run([&](Transaction& txn) {
    return idempotency::Once<v1::PublishEventsResponse>(
        txn, kSchema, RequestKeyOf(call.caller, "PublishEvents", request.request_id()), request,
        [&]() -> absl::StatusOr<v1::PublishEventsResponse> {
          v1::PublishEventsResponse response;
          for (const events::Event& event : published) {
            TARN_RETURN_IF_ERROR(events::Append(txn, event));
            response.add_ids(event.id);
          }
          return response;
        });
  });
}

}  // namespace tarn::alerting

// What users do with channels, and the notifications that are sent through them. Every method is
// one transaction; what it returns has its secrets masked.
#pragma once

#include <absl/status/statusor.h>

#include "tarn/alerting/v1/alerting_service.pb.h"

#include "common/auth/caller.h"
#include "services/alerting/channel/channel_validation.h"

namespace tarn {
class Clock;
class PostgresPool;
}  // namespace tarn

namespace tarn::alerting {

// Thread safe. Errors of each method: INVALID_ARGUMENT for a malformed request, CHANNEL_NOT_FOUND,
// ABORTED with ETAG_MISMATCH, and those of PostgresPool.
class ChannelManager {
 public:
  // Both outlive it.
  ChannelManager(PostgresPool& pool, Clock& clock, ChannelLimits limits)
      : pool_(pool), clock_(clock), limits_(std::move(limits)) {}

  absl::StatusOr<v1::Channel> Create(const auth::Caller& caller,
                                     const v1::CreateChannelRequest& request);
  absl::StatusOr<v1::Channel> Get(const auth::Caller& caller, const v1::GetChannelRequest& request);
  absl::StatusOr<v1::ListChannelsResponse> List(const auth::Caller& caller,
                                                const v1::ListChannelsRequest& request);
  // An update that changes nothing keeps etag and times. Masks of secrets leave them as they are.
  absl::StatusOr<v1::Channel> Update(const auth::Caller& caller,
                                     const v1::UpdateChannelRequest& request);
  // Besides: FAILED_PRECONDITION, CHANNEL_IN_USE.
  absl::StatusOr<v1::DeleteChannelResponse> Delete(const auth::Caller& caller,
                                                   const v1::DeleteChannelRequest& request);

  // The delivery is durable when this returns.
  absl::StatusOr<v1::Delivery> Send(const auth::Caller& caller,
                                    const v1::SendNotificationRequest& request);
  absl::StatusOr<v1::ListDeliveriesResponse> ListDeliveries(
      const auth::Caller& caller, const v1::ListDeliveriesRequest& request);

 private:
  PostgresPool& pool_;
  Clock& clock_;
  const ChannelLimits limits_;
};

}  // namespace tarn::alerting

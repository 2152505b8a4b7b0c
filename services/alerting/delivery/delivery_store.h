// Deliveries in PostgreSQL. Every function runs in the caller's transaction.
//
// A delivery is claimed by lease, posted outside any transaction, and its outcome recorded under
// the lease. Whoever dies between the post and the record leaves the row pending: it is posted
// again under the same id, by which receivers can drop the double.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "tarn/alerting/v1/channel.pb.h"

#include "common/lease/lease.h"
#include "common/postgres/transaction.h"

namespace tarn::alerting {

struct NewDelivery {
  std::string workspace;
  std::string channel_id;
  std::string id;  // a UUID
  std::string subject;
  std::string message;
  std::string payload;  // see notification_body.h
  absl::Time create_time;
};

struct ClaimedDelivery {
  Lease lease;
  std::string workspace;
  std::string channel_id;
  std::string id;
  int attempt_count = 0;  // before this one
  std::string message;
  std::string payload;
  absl::Time create_time;
};

// What an attempt came to. With `next_attempt` the delivery stays pending.
struct AttemptOutcome {
  v1::DeliveryState state = v1::DELIVERY_STATE_PENDING;
  std::string result;
  absl::Time time;
  std::optional<absl::Time> next_attempt;
};

// Adds it as pending and due at once.
void InsertDelivery(Transaction& txn, const NewDelivery& delivery);

// A pending delivery that is due. Those of one channel and subject go in their order, so that
// "resolved" is not told before "firing"; of one channel, one at a time, as far as can be seen, so
// that a slow receiver does not take all workers.
absl::StatusOr<std::optional<ClaimedDelivery>> ClaimDelivery(Transaction& txn,
                                                             std::string_view holder,
                                                             absl::Duration ttl, absl::Time now);

// Counts the attempt and ends the lease. ABORTED, LEASE_LOST where another has taken over.
absl::Status RecordAttempt(Transaction& txn, const Lease& lease, const AttemptOutcome& outcome);

// Ends the lease of a delivery that was not tried after all.
absl::Status GiveBackDelivery(Transaction& txn, const Lease& lease);

// Gives up what is still to be delivered through a channel that goes.
void FailPendingDeliveries(Transaction& txn, std::string_view workspace,
                           std::string_view channel_id, std::string_view why, absl::Time now);

// NOT_FOUND, DELIVERY_NOT_FOUND.
absl::StatusOr<v1::Delivery> FindDelivery(Transaction& txn, std::string_view workspace,
                                          std::string_view id);

struct ListedDelivery {
  int64_t seq = 0;
  v1::Delivery delivery;
};

// The newest first, those before `before_seq`. "" for channel_id means all channels.
std::vector<ListedDelivery> ListDeliveries(Transaction& txn, std::string_view workspace,
                                           std::string_view channel_id, int64_t before_seq,
                                           int limit);

}  // namespace tarn::alerting

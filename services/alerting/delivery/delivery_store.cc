#include "services/alerting/delivery/delivery_store.h"

#include "common/names/names.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/alerting/stored_spec.h"

namespace tarn::alerting {
namespace {

const LeaseTable& DeliveryLeases() {
  static const LeaseTable* const table =
      new LeaseTable{"alerting.deliveries", {"workspace", "delivery_id"}};
  return *table;
}

v1::Delivery ProtoOf(const Row& row) {
  v1::Delivery delivery;
  delivery.set_name(
      names::Format("channels/{channel}/deliveries/{delivery}",
                    {row.Get<std::string>("channel_id"), row.Get<std::string>("delivery_id")}));
  delivery.set_state(static_cast<v1::DeliveryState>(row.Get<int>("state")));
  delivery.set_attempt_count(row.Get<int>("attempt_count"));
  delivery.set_last_result(row.Get<std::string>("last_result"));
  delivery.set_subject(row.Get<std::string>("subject"));
  delivery.set_message(row.Get<std::string>("message"));
  SetTimestamp(row.Get<absl::Time>("create_time"), delivery.mutable_create_time());
  if (auto time = row.Get<std::optional<absl::Time>>("end_time"); time.has_value()) {
    SetTimestamp(*time, delivery.mutable_end_time());
  }
  if (auto time = row.Get<std::optional<absl::Time>>("next_attempt_time"); time.has_value()) {
    SetTimestamp(*time, delivery.mutable_next_attempt_time());
  }
  return delivery;
}

}  // namespace

void InsertDelivery(Transaction& txn, const NewDelivery& delivery) {
  txn.Exec(
      "INSERT INTO alerting.deliveries (workspace, delivery_id, channel_id, state, subject, "
      "message, payload, create_time, next_attempt_time) "
      "VALUES ($1, $2, $3, 1, $4, $5, $6::jsonb, $7, $7)",
      delivery.workspace, delivery.id, delivery.channel_id, delivery.subject, delivery.message,
      delivery.payload, delivery.create_time);
}

absl::StatusOr<std::optional<ClaimedDelivery>> ClaimDelivery(Transaction& txn,
                                                             std::string_view holder,
                                                             absl::Duration ttl, absl::Time now) {
  std::optional<Lease> lease =
      ClaimNext(txn, DeliveryLeases(), holder, ttl,
                {.where = "l.state = 1 AND l.next_attempt_time <= $1 AND NOT EXISTS ("
                          "SELECT 1 FROM alerting.deliveries o WHERE o.workspace = l.workspace AND "
                          "o.channel_id = l.channel_id AND o.state = 1 AND o.seq <> l.seq AND "
                          "((o.seq < l.seq AND o.subject = l.subject AND o.subject <> '') OR "
                          "o.lease_expires_at > clock_timestamp()))",
                 .params = {now},
                 .order_by = "l.next_attempt_time, l.seq"});
  if (!lease.has_value()) return std::nullopt;
  Row row = txn.Exec("SELECT * FROM alerting.deliveries WHERE workspace = $1 AND delivery_id = $2",
                     lease->key[0], lease->key[1])
                .One();
  return ClaimedDelivery{.lease = *lease,
                         .workspace = lease->key[0],
                         .channel_id = row.Get<std::string>("channel_id"),
                         .id = lease->key[1],
                         .attempt_count = row.Get<int>("attempt_count"),
                         .message = row.Get<std::string>("message"),
                         .payload = row.Get<std::string>("payload"),
                         .create_time = row.Get<absl::Time>("create_time")};
}

absl::Status RecordAttempt(Transaction& txn, const Lease& lease, const AttemptOutcome& outcome) {
  TARN_RETURN_IF_ERROR(CheckLease(txn, DeliveryLeases(), lease));
  std::optional<absl::Time> end;
  if (outcome.state != v1::DELIVERY_STATE_PENDING) end = outcome.time;
  // A delivery that was given up meanwhile, since its channel went, stays so.
  txn.Exec(
      "UPDATE alerting.deliveries SET attempt_count = attempt_count + 1, state = $3, "
      "last_result = $4, end_time = $5, next_attempt_time = $6 "
      "WHERE workspace = $1 AND delivery_id = $2 AND state = 1",
      lease.key[0], lease.key[1], static_cast<int>(outcome.state), outcome.result, end,
      outcome.next_attempt);
  return Release(txn, DeliveryLeases(), lease);
}

absl::Status GiveBackDelivery(Transaction& txn, const Lease& lease) {
  return Release(txn, DeliveryLeases(), lease);
}

void FailPendingDeliveries(Transaction& txn, std::string_view workspace,
                           std::string_view channel_id, std::string_view why, absl::Time now) {
  txn.Exec(
      "UPDATE alerting.deliveries SET state = 3, last_result = $3, end_time = $4, "
      "next_attempt_time = NULL WHERE workspace = $1 AND channel_id = $2 AND state = 1",
      workspace, channel_id, why, now);
}

absl::StatusOr<v1::Delivery> FindDelivery(Transaction& txn, std::string_view workspace,
                                          std::string_view id) {
  std::optional<Row> row =
      txn.Exec("SELECT * FROM alerting.deliveries WHERE workspace = $1 AND delivery_id = $2",
               workspace, id)
          .First();
  if (row.has_value()) return ProtoOf(*row);
  return NotFound("DELIVERY_NOT_FOUND", "there is no delivery " + std::string(id));
}

std::vector<ListedDelivery> ListDeliveries(Transaction& txn, std::string_view workspace,
                                           std::string_view channel_id, int64_t before_seq,
                                           int limit) {
  std::vector<ListedDelivery> listed;
  // Two statements rather than an OR, so that each has its index.
  const std::string condition = channel_id.empty() ? "$2 = ''" : "channel_id = $2";
  for (Row row : txn.Exec("SELECT * FROM alerting.deliveries WHERE workspace = $1 AND " +
                              condition + " AND seq < $3 ORDER BY seq DESC LIMIT $4",
                          workspace, channel_id, before_seq, limit)) {
    listed.push_back({row.Get<int64_t>("seq"), ProtoOf(row)});
  }
  return listed;
}

}  // namespace tarn::alerting

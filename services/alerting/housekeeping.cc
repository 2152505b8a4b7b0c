#include "services/alerting/housekeeping.h"

#include <string>

#include "common/clock/clock.h"
#include "common/events/event.h"
#include "common/postgres/postgres_pool.h"
#include "common/status/status_macros.h"
#include "services/alerting/alerting_metrics.h"
#include "services/alerting/request_key.h"

namespace tarn::alerting {
namespace {

// Rows deleted in one transaction, so that nothing waits long.
constexpr int64_t kBatch = 10'000;

// Runs `delete_some`, which gives how many it deleted, until it finds fewer than a batch.
template <typename F>
absl::Status UntilDone(F delete_some) {
  for (;;) {
    TARN_ASSIGN_OR_RETURN(int64_t deleted, delete_some());
    if (deleted < kBatch) return absl::OkStatus();
  }
}

}  // namespace

absl::Status Housekeeping::DeleteOld() {
  TARN_RETURN_IF_ERROR(
      UntilDone([&] { return events::DeleteOlderThan(pool_, event_retention_, kBatch); }));
  TARN_RETURN_IF_ERROR(idempotency::Purge(pool_, kSchema).status());
  const absl::Time before = clock_.Now() - history_retention_;
  auto delete_where = [&](const std::string& table, const std::string& condition) {
    return UntilDone([&] {
      return pool_.RunAutocommit([&](Transaction& txn) -> absl::StatusOr<int64_t> {
        return txn
            .Exec("DELETE FROM " + table + " WHERE ctid = ANY (ARRAY(SELECT ctid FROM " + table +
                      " WHERE " + condition + " LIMIT $2))",
                  before, kBatch)
            .affected_rows();
      });
    });
  };
  TARN_RETURN_IF_ERROR(delete_where("alerting.transitions", "time < $1"));
  return delete_where("alerting.deliveries", "state <> 1 AND end_time < $1");
}

absl::Status Housekeeping::UpdateGauges() {
  return pool_.RunAutocommit([&](Transaction& txn) -> absl::Status {
    Row row = txn.Exec(
                     "SELECT (SELECT count(*) FROM alerting.alerts WHERE state = 3) AS firing, "
                     "(SELECT count(*) FROM alerting.deliveries WHERE state = 1) AS pending")
                  .One();
    metrics_.alerts_firing.Set(static_cast<double>(row.Get<int64_t>("firing")));
    metrics_.deliveries_pending.Set(static_cast<double>(row.Get<int64_t>("pending")));
    return absl::OkStatus();
  });
}

}  // namespace tarn::alerting

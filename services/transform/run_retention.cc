#include "services/transform/run_retention.h"

#include "common/clock/clock.h"
#include "common/idempotency/idempotency.h"
#include "common/postgres/postgres_pool.h"
#include "common/status/status_macros.h"
#include "services/transform/run_store.h"
#include "services/transform/transform_metrics.h"

namespace tarn::transform {
namespace {

constexpr absl::Duration kPurgeInterval = absl::Hours(1);
// Each run goes with its steps and what they started: some thousand rows a transaction.
constexpr int kBatch = 200;

}  // namespace

absl::StatusOr<bool> RunRetention::PurgeSome() {
  const absl::Time now = clock_.Now();
  if (now < next_purge_) return false;
  TARN_ASSIGN_OR_RETURN(const int64_t purged,
                        pool_.Run([&](Transaction& txn) -> absl::StatusOr<int64_t> {
                          return run_store::DeleteEnded(txn, now - keep_, kBatch);
                        }));
  metrics_.runs_purged.Increment(static_cast<double>(purged));
  if (purged == kBatch) return true;
  TARN_RETURN_IF_ERROR(idempotency::Purge(pool_, "transform").status());
  next_purge_ = now + kPurgeInterval;
  return false;
}

}  // namespace tarn::transform

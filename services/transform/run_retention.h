// Forgets what is old: runs some time after their end, in small batches, and stored responses.
//
// Any number of processes may do so on one database. One thread; what it refers to outlives it.
#pragma once

#include <absl/status/statusor.h>
#include <absl/time/time.h>

namespace tarn {
class Clock;
class PostgresPool;
}  // namespace tarn

namespace tarn::transform {

struct TransformMetrics;

class RunRetention {
 public:
  RunRetention(PostgresPool& pool, Clock& clock, TransformMetrics& metrics, absl::Duration keep)
      : pool_(pool), clock_(clock), metrics_(metrics), keep_(keep) {}

  // Does nothing but once an hour, by the clock; then one batch. True when there may be more, for
  // which it is to be called again soon. Errors: those of PostgreSQL.
  absl::StatusOr<bool> PurgeSome();

 private:
  PostgresPool& pool_;
  Clock& clock_;
  TransformMetrics& metrics_;
  const absl::Duration keep_;
  absl::Time next_purge_ = absl::InfinitePast();
};

}  // namespace tarn::transform

// What keeps the module's tables, and the outbox of all modules, from growing for ever; and the
// gauges that are counted in PostgreSQL.
#pragma once

#include <absl/status/status.h>
#include <absl/time/time.h>

namespace tarn {
class Clock;
class PostgresPool;
}  // namespace tarn

namespace tarn::alerting {

struct AlertingMetrics;

// Any thread; several instances may do it at the same time.
class Housekeeping {
 public:
  // All outlive it.
  Housekeeping(PostgresPool& pool, Clock& clock, AlertingMetrics& metrics,
               absl::Duration event_retention, absl::Duration history_retention)
      : pool_(pool),
        clock_(clock),
        metrics_(metrics),
        event_retention_(event_retention),
        history_retention_(history_retention) {}

  // Deletes events, stored requests, transitions and ended deliveries that are old.
  absl::Status DeleteOld();
  // Counts firing alerts and pending deliveries of all workspaces.
  absl::Status UpdateGauges();

 private:
  PostgresPool& pool_;
  Clock& clock_;
  AlertingMetrics& metrics_;
  const absl::Duration event_retention_;
  const absl::Duration history_retention_;
};

}  // namespace tarn::alerting

// Every metric of the module.
#pragma once

#include "common/metrics/metrics.h"

namespace tarn::alerting {

struct AlertingMetrics {
  explicit AlertingMetrics(Metrics& metrics);

  CounterFamily evaluations;      // by result: succeeded, failed, unavailable
  Histogram& evaluation_seconds;  // the SQL and what follows from it
  CounterFamily transitions;      // by the state after: ok, pending, firing
  Gauge& alerts_firing;           // in all workspaces
  CounterFamily attempts;         // by result: delivered, failed, retried
  Gauge& deliveries_pending;
  Histogram& delivery_seconds;  // from making a delivery to the receiver's yes
  Gauge& subscriptions;
  Counter& events_sent;  // to subscribers
};

}  // namespace tarn::alerting

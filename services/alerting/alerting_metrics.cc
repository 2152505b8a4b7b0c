#include "services/alerting/alerting_metrics.h"

namespace tarn::alerting {

AlertingMetrics::AlertingMetrics(Metrics& metrics)
    : evaluations(metrics.AddCounters("tarn_alerting_evaluations_total",
                                      "Evaluations of rules, by result.", {"result"})),
      evaluation_seconds(metrics.AddHistogram("tarn_alerting_evaluation_seconds",
                                              "Time of an evaluation, its SQL included.")),
      transitions(metrics.AddCounters("tarn_alerting_transitions_total",
                                      "Changes of alerts, by the state after.", {"state"})),
      alerts_firing(metrics.AddGauge("tarn_alerting_alerts_firing", "Alerts that fire now.")),
      attempts(metrics.AddCounters("tarn_alerting_delivery_attempts_total",
                                   "Attempts to deliver a notification, by result.", {"result"})),
      deliveries_pending(metrics.AddGauge("tarn_alerting_deliveries_pending",
                                          "Notifications still to be delivered.")),
      delivery_seconds(metrics.AddHistogram("tarn_alerting_delivery_seconds",
                                            "Time from a notification to its delivery.")),
      subscriptions(metrics.AddGauge("tarn_alerting_subscriptions", "Streams of events open now.")),
      events_sent(
          metrics.AddCounter("tarn_alerting_events_sent_total", "Events sent to subscribers.")) {}

}  // namespace tarn::alerting

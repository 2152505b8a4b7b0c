// The metrics of connectors in one struct.
#pragma once

#include "common/metrics/metrics.h"

namespace tarn::ingestion::mqtt {

// References into a Metrics that outlives this. Any thread.
struct MqttMetrics {
  explicit MqttMetrics(Metrics& metrics)
      : messages(metrics.AddCounter("tarn_ingestion_connector_messages_total",
                                    "Messages of connectors that are durable.")),
        duplicates(metrics.AddCounter("tarn_ingestion_connector_duplicates_total",
                                      "Messages that came again and were not stored.")),
        connected(metrics.AddGauge("tarn_ingestion_connectors_connected",
                                   "Connectors that are subscribed in this process.")),
        connection_failures(metrics.AddCounter("tarn_ingestion_connector_failures_total",
                                               "Connections that could not be made or broke.")) {}

  Counter& messages;
  Counter& duplicates;
  Gauge& connected;
  Counter& connection_failures;
};

}  // namespace tarn::ingestion::mqtt

#include "services/ingestion/ingestion_metrics.h"

namespace tarn::ingestion {

IngestionMetrics::IngestionMetrics(Metrics& metrics)
    : records_in(metrics.AddCounter("tarn_ingestion_records_acknowledged_total",
                                    "Records that are durable in the write-ahead log.")),
      bytes_in(metrics.AddCounter("tarn_ingestion_acknowledged_bytes_total",
                                  "Bytes of acknowledged records.")),
      records_refused(metrics.AddCounter("tarn_ingestion_records_refused_total",
                                         "Records that were refused at the door.")),
      ingest_calls(metrics.AddGauge("tarn_ingestion_ingest_calls", "Ingest calls that are open.")),
      requests_replayed(metrics.AddCounter("tarn_ingestion_requests_replayed_total",
                                           "Requests that had been stored before.")),
      wal_flush_seconds(metrics.AddHistogram("tarn_ingestion_wal_flush_seconds",
                                             "One write and one flush of the log.")),
      wal_groups(metrics.AddCounter("tarn_ingestion_wal_groups_total", "Flushes of the log.")),
      wal_failures(metrics.AddCounter("tarn_ingestion_wal_failures_total",
                                      "Groups that could not be written to the log.")),
      wal_bytes(metrics.AddGauge("tarn_ingestion_wal_bytes", "Bytes of the log's segments.")),
      wal_damaged_bytes(metrics.AddCounter("tarn_ingestion_wal_damaged_bytes_total",
                                           "Damaged bytes of the log that were set aside.")),
      records_delivered(metrics.AddCounter("tarn_ingestion_records_delivered_total",
                                           "Rows committed to tables.")),
      records_dead(metrics.AddCounter("tarn_ingestion_dead_letters_total",
                                      "Records that went to the dead letters.")),
      dead_letters_replayed(metrics.AddCounter("tarn_ingestion_dead_letters_replayed_total",
                                               "Dead letters that were put back into the log.")),
      dead_letters_purged(metrics.AddCounter("tarn_ingestion_dead_letters_purged_total",
                                             "Dead letters that were removed on request.")),
      deliveries(metrics.AddCounter("tarn_ingestion_deliveries_total", "Commits to tables.")),
      files_delivered(
          metrics.AddCounter("tarn_ingestion_files_delivered_total", "Files committed to tables.")),
      batches_divided(metrics.AddCounter(
          "tarn_ingestion_batches_divided_total",
          "Batches that were divided since they would have filled too many partitions.")),
      delivery_failures(metrics.AddCounter("tarn_ingestion_delivery_failures_total",
                                           "Deliveries that failed and are tried again.")),
      delivery_lag_seconds(
          metrics.AddHistogram("tarn_ingestion_delivery_lag_seconds",
                               "From the oldest acknowledgement in a delivery to its commit.")),
      files_uploaded(metrics.AddCounter("tarn_ingestion_files_uploaded_total", "Files uploaded.")),
      upload_bytes(
          metrics.AddCounter("tarn_ingestion_upload_bytes_total", "Bytes of uploaded files.")) {}

}  // namespace tarn::ingestion

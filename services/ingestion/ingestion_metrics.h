// Every metric of ingestion in one struct.
#pragma once

#include "common/metrics/metrics.h"

namespace tarn::ingestion {

// References into a Metrics that outlives this. Any thread.
struct IngestionMetrics {
  explicit IngestionMetrics(Metrics& metrics);

  Counter& records_in;              // acknowledged
  Counter& bytes_in;                // of acknowledged records
  Counter& records_refused;         // not JSON, too large
  Gauge& ingest_calls;              // Ingest calls that are open
  Counter& requests_replayed;       // answered from the request index
  Histogram& wal_flush_seconds;     // one write and one flush
  Counter& wal_groups;              // flushes
  Counter& wal_failures;            // groups that could not be written
  Gauge& wal_bytes;                 // of segments on disk
  Counter& wal_damaged_bytes;       // set aside at open
  Counter& records_delivered;       // rows committed
  Counter& records_dead;            // dead letters
  Counter& dead_letters_replayed;   // put back into the log
  Counter& dead_letters_purged;     // removed by a user
  Counter& deliveries;              // commits
  Counter& files_delivered;         // committed
  Counter& batches_divided;         // since they would have filled too many partitions
  Counter& delivery_failures;       // attempts that will be repeated
  Histogram& delivery_lag_seconds;  // from the oldest acknowledgement of a batch to its commit
  Counter& files_uploaded;
  Counter& upload_bytes;
};

}  // namespace tarn::ingestion

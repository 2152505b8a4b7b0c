// The metrics of raw copies. References into a Metrics that outlives this; any thread.
#pragma once

#include "common/metrics/metrics.h"

namespace tarn::ingestion {

struct RawMetrics {
  explicit RawMetrics(Metrics& metrics)
      : records(metrics.AddCounter("tarn_ingestion_raw_records_total",
                                   "Records that were written to raw copies.")),
        bytes(metrics.AddCounter("tarn_ingestion_raw_bytes_total",
                                 "Bytes of raw copies that were written, compressed.")),
        files(metrics.AddCounter("tarn_ingestion_raw_files_total",
                                 "Files of raw copies that were written.")),
        files_removed(metrics.AddCounter("tarn_ingestion_raw_files_removed_total",
                                         "Files of raw copies whose retention was over.")) {}

  Counter& records;
  Counter& bytes;
  Counter& files;
  Counter& files_removed;
};

}  // namespace tarn::ingestion

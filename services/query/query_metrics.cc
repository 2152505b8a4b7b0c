#include "services/query/query_metrics.h"

namespace tarn::query {

QueryMetrics::QueryMetrics(Metrics& metrics)
    : ended_(metrics.AddCounters("tarn_query_queries_total", "Queries that ended, by state.",
                                 {"state"})),
      duration_(metrics.AddHistogram("tarn_query_duration_seconds",
                                     "Time of a query from its start to its end.")),
      rows_(metrics.AddCounter("tarn_query_rows_total", "Rows returned or written.")),
      bytes_read_(metrics.AddCounter("tarn_query_read_bytes_total",
                                     "Bytes of the files that the engine was given.")),
      running_(metrics.AddGauge("tarn_query_running", "Queries that run now.")) {}

void QueryMetrics::RecordEnd(const std::string& state, absl::Duration took, int64_t rows,
                             int64_t bytes_read) {
  ended_.With({state}).Increment();
  duration_.Observe(absl::ToDoubleSeconds(took));
  rows_.Increment(static_cast<double>(rows));
  bytes_read_.Increment(static_cast<double>(bytes_read));
}

void QueryMetrics::SetRunning(int64_t count) { running_.Set(static_cast<double>(count)); }

}  // namespace tarn::query

// Every metric of the query module besides those of its RPCs. Thread safe.
#pragma once

#include <cstdint>
#include <string>

#include <absl/time/time.h>

#include "common/metrics/metrics.h"

namespace tarn::query {

class QueryMetrics {
 public:
  explicit QueryMetrics(Metrics& metrics);

  // A query ended: `state` is SUCCEEDED, FAILED, CANCELLED or TIMED_OUT.
  void RecordEnd(const std::string& state, absl::Duration took, int64_t rows, int64_t bytes_read);
  void SetRunning(int64_t count);

 private:
  CounterFamily ended_;
  Histogram& duration_;
  Counter& rows_;
  Counter& bytes_read_;
  Gauge& running_;
};

}  // namespace tarn::query

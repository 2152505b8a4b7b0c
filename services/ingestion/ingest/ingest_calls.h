// The Ingest calls that are open, so that they can be bounded, and ended when the module is to
// stop. Thread safe.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include <absl/status/status.h>

#include "services/ingestion/ingestion_metrics.h"

namespace tarn::ingestion {

class IngestCall;

class IngestCalls {
 public:
  IngestCalls(int64_t max_calls, IngestionMetrics& metrics)
      : max_calls_(static_cast<size_t>(max_calls)), metrics_(metrics) {}

  // RESOURCE_EXHAUSTED TOO_MANY_CALLS; UNAVAILABLE MODULE_NOT_SERVING after Drain.
  absl::Status Add(const std::shared_ptr<IngestCall>& call);
  void Remove(const std::shared_ptr<IngestCall>& call);
  // Takes no more calls, and has those that are open end with UNAVAILABLE once what they have read
  // is acknowledged. Returns at once.
  void Drain();

 private:
  const size_t max_calls_;
  IngestionMetrics& metrics_;
  std::mutex mutex_;
  bool draining_ = false;
  std::set<std::shared_ptr<IngestCall>> calls_;
};

}  // namespace tarn::ingestion

// The metrics of every RPC of a module: how many by method and code, and how long they took.
#pragma once

#include <string>
#include <string_view>

#include <absl/time/time.h>

#include "common/metrics/metrics.h"

namespace tarn::rpc {

// Thread safe. `metrics` must outlive it.
class RpcMetrics {
 public:
  RpcMetrics(Metrics& metrics, std::string module);

  void RecordCall(std::string_view method, std::string_view code, absl::Duration took);

 private:
  const std::string module_;
  const CounterFamily calls_;
  const HistogramFamily latency_;
};

}  // namespace tarn::rpc

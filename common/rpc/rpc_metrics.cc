#include "common/rpc/rpc_metrics.h"

namespace tarn::rpc {

RpcMetrics::RpcMetrics(Metrics& metrics, std::string module)
    : module_(std::move(module)),
      calls_(metrics.AddCounters("tarn_rpc_calls_total", "RPCs that ended, by code.",
                                 {"module", "method", "code"})),
      latency_(metrics.AddHistograms("tarn_rpc_latency_seconds", "How long RPCs took.",
                                     {"module", "method"})) {}

void RpcMetrics::RecordCall(std::string_view method, std::string_view code, absl::Duration took) {
  calls_.With({module_, method, code}).Increment();
  latency_.With({module_, method}).Observe(absl::ToDoubleSeconds(took));
}

}  // namespace tarn::rpc

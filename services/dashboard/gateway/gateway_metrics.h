// The metrics of the two gateways.
#pragma once

#include <string_view>

#include "common/metrics/metrics.h"

namespace tarn::dashboard {

// Thread safe.
class GatewayMetrics {
 public:
  explicit GatewayMetrics(Metrics& metrics)
      : forwarded_(metrics.AddCounters("tarn_dashboard_forwarded_calls_total",
                                       "Calls that were forwarded, by module, protocol and code.",
                                       {"module", "protocol", "code"})),
        http_(metrics.AddCounters("tarn_dashboard_http_responses_total",
                                  "Responses over HTTP, by status.", {"status"})) {}

  // `protocol` is grpc or connect, `code` as on the wire (NOT_FOUND).
  void CountForwarded(std::string_view module, std::string_view protocol, std::string_view code) {
    forwarded_.With({module, protocol, code}).Increment();
  }
  void CountHttp(std::string_view status) { http_.With({status}).Increment(); }

 private:
  CounterFamily forwarded_;
  CounterFamily http_;
};

}  // namespace tarn::dashboard

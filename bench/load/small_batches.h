// Many clients that each put a few records and wait for the answer, over one connection each.
#pragma once

#include <cstdint>
#include <string>

#include <absl/time/time.h>

#include "bench/load/load_target.h"

namespace tarn::bench {

struct SmallBatchesResult {
  double records_a_second = 0;
  double ack_p50_ms = 0;
  double ack_p99_ms = 0;
};

// `clients` clients put `records` records a call with PutRecords for `duration`. A refusal ends the
// program.
SmallBatchesResult RunSmallBatches(LoadTarget& target, const std::string& stream, int clients,
                                   int records, absl::Duration duration);

}  // namespace tarn::bench

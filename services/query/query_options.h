// The options of the query module, with their defaults.
#pragma once

#include <cstdint>

#include <absl/time/time.h>

#include "common/config/option_set.h"

namespace tarn::query {

struct QueryOptions {
  // Statements that run at the same time; the others queue.
  int64_t max_concurrent = 4;
  // Statements that may wait; one more is refused.
  int64_t max_queued = 1000;
  int64_t threads_per_query = 2;
  config::ByteSize memory_per_query{int64_t{2} << 30};
  // Rows of one result.
  int64_t max_rows = 10'000'000;
  absl::Duration timeout = absl::Minutes(30);
  // Idle workers that are kept for the next statement.
  int64_t idle_workers = 2;
  // Results and history are forgotten after these.
  absl::Duration result_retention = absl::Hours(24 * 7);
  absl::Duration history_retention = absl::Hours(24 * 45);
};

// Adds all of them to `set`; `options` must outlive it.
void RegisterOptions(config::OptionSet& set, QueryOptions* options);

}  // namespace tarn::query

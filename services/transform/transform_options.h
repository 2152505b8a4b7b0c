// The options of transform. A plain value; the initial values are the defaults.
#pragma once

#include <cstdint>

#include <absl/time/time.h>

namespace tarn::config {
class OptionSet;
}

namespace tarn::transform {

struct TransformOptions {
  // Runs that a process works on at the same time, and steps of one run.
  std::int64_t max_runs = 16;
  std::int64_t max_parallel_steps = 8;
  // After this long without a sign of life, another process takes a run over.
  absl::Duration lease_ttl = absl::Seconds(15);
  // How soon what other processes did is seen: runs, schedules that are due, stops.
  absl::Duration poll_interval = absl::Milliseconds(500);
  // How long runs are kept after their end.
  absl::Duration run_retention = absl::Hours(90 * 24);
  // Calls that wait for a run (GetRun with wait, WatchRun) at the same time: each holds a thread.
  std::int64_t max_waiting_calls = 64;
  std::int64_t postgres_connections = 16;
};

void RegisterOptions(config::OptionSet& set, TransformOptions* options);

}  // namespace tarn::transform

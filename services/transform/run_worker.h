// Claims runs and executes them, several at the same time, until it is stopped. Any number of
// processes may do so on one database.
//
// Start, Stop: one thread at a time; Drain: any, also before Start. What it refers to outlives it.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "services/transform/run_executor.h"

namespace tarn::transform {

struct RunWorkerOptions {
  // Runs at the same time.
  int max_runs = 16;
  // How soon a run is seen that another process accepted or lost.
  absl::Duration poll_interval = absl::Milliseconds(500);
  RunExecutorOptions executor;
};

class RunWorker {
 public:
  RunWorker(RunExecutorTools tools, RunWorkerOptions options);
  ~RunWorker();  // Stop

  void Start();
  // Claims nothing more; what is under way goes on.
  void Drain();
  // Gives the runs up for others and returns when their steps' calls have ended.
  void Stop();

 private:
  struct Active {
    std::unique_ptr<RunExecutor> executor;
    std::thread thread;
    std::atomic<bool> done = false;
  };

  void Loop();
  // True when there may be more to claim at once.
  absl::StatusOr<bool> ClaimOne();
  void JoinDone();

  const RunExecutorTools tools_;
  const RunWorkerOptions options_;
  // Unique to this worker.
  const std::string holder_;
  std::atomic<bool> draining_ = false;
  std::thread thread_;
  // The loop's own while it runs.
  std::vector<std::unique_ptr<Active>> active_;
};

}  // namespace tarn::transform

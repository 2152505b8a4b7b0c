// Runs reprocesses: takes one that waits, or whose worker is dead, and works on it, one at a time
// in each instance; beside that it answers for the instance's log (log_watch.h).
//
// Thread safe. Everything referred to outlives it.
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "common/metrics/metrics.h"
#include "common/postgres/postgres_pool.h"
#include "services/ingestion/reprocess/log_watch.h"
#include "services/ingestion/reprocess/reprocess_run.h"

namespace tarn::ingestion {

struct ReprocessWorkerOptions {
  std::string holder;
  // How long after the end of an instance another one goes on with its reprocess.
  absl::Duration lease = absl::Seconds(30);
};

class ReprocessWorker {
 public:
  ReprocessWorker(const ReprocessDependencies& dependencies, PostgresPool& pool, LogWatch& watch,
                  Metrics& metrics, ReprocessWorkerOptions options);
  ~ReprocessWorker() { Stop(); }
  ReprocessWorker(const ReprocessWorker&) = delete;
  ReprocessWorker& operator=(const ReprocessWorker&) = delete;

  void Start();
  // What is under way is taken up again by the next start, or by another instance. Idempotent.
  void Stop();
  // There is a new one.
  void Notify();

 private:
  void Work();
  void Watch();
  // False when there is none.
  absl::StatusOr<bool> RunOne();
  // CANCELLED when the run is to end.
  absl::Status CheckStop(const std::string& id, bool lost);
  // Waits until it is notified, or stopped.
  void Pause(absl::Duration duration);

  const ReprocessDependencies deps_;
  PostgresPool& pool_;
  LogWatch& watch_;
  const ReprocessWorkerOptions options_;
  Counter& succeeded_;
  Counter& failed_;

  std::atomic<bool> stop_ = false;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool notified_ = false;
  std::thread worker_;
  std::thread watcher_;
};

}  // namespace tarn::ingestion

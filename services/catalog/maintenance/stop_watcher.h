// Interrupts a connection's statement when a job is to stop. Made and destroyed by one thread; a
// thread of its own asks.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include <absl/time/time.h>

#include "common/duckdb/database.h"

namespace tarn::catalog {

class StopWatcher {
 public:
  // Asks `stop` every `interval`, and for nobody else meanwhile. The connection outlives this.
  StopWatcher(duckdb::Connection& connection, const std::function<bool()>& stop,
              absl::Duration interval);
  ~StopWatcher();
  StopWatcher(const StopWatcher&) = delete;
  StopWatcher& operator=(const StopWatcher&) = delete;

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool done_ = false;
  std::thread watcher_;
};

}  // namespace tarn::catalog

#include "services/catalog/maintenance/stop_watcher.h"

#include <chrono>

namespace tarn::catalog {

StopWatcher::StopWatcher(duckdb::Connection& connection, const std::function<bool()>& stop,
                         absl::Duration interval)
    : watcher_([this, &connection, stop, interval] {
        const auto pause = absl::ToChronoMilliseconds(interval);
        std::unique_lock lock(mutex_);
        while (!changed_.wait_for(lock, pause, [&] { return done_; })) {
          lock.unlock();
          const bool stopped = stop();
          lock.lock();
          // Again and again: between two statements an interrupt does nothing.
          if (stopped && !done_) connection.Interrupt();
        }
      }) {}

StopWatcher::~StopWatcher() {
  {
    std::lock_guard lock(mutex_);
    done_ = true;
  }
  changed_.notify_all();
  watcher_.join();
}

}  // namespace tarn::catalog

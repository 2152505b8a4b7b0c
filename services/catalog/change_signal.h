// Says that something may have changed: workers and waiting calls look at once instead of at their
// next turn. A hint only; other processes change things as well. Thread safe.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>

#include <absl/time/time.h>

namespace tarn::catalog {

class ChangeSignal {
 public:
  void Notify() {
    {
      std::lock_guard lock(mutex_);
      ++count_;
    }
    changed_.notify_all();
  }

  uint64_t count() const {
    std::lock_guard lock(mutex_);
    return count_;
  }

  // Returns when Notify was called since the count was `seen`, or after `timeout`.
  void WaitPast(uint64_t seen, absl::Duration timeout) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, absl::ToChronoMilliseconds(timeout), [&] { return count_ != seen; });
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  uint64_t count_ = 0;
};

}  // namespace tarn::catalog

// Tells the threads of this process that some run has changed: those who wait for a run look again
// at once, instead of at their next poll. Changes made by other processes are not told here.
// Thread safe.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>

#include <absl/time/time.h>

namespace tarn::transform {

class RunChanges {
 public:
  void Notify() {
    {
      std::lock_guard lock(mutex_);
      ++count_;
    }
    changed_.notify_all();
  }

  // How many changes there have been: taken before looking, given to Wait after.
  uint64_t count() const {
    std::lock_guard lock(mutex_);
    return count_;
  }

  // Returns when there have been more than `seen`, or after `timeout`.
  void Wait(uint64_t seen, absl::Duration timeout) const {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, absl::ToChronoNanoseconds(timeout), [&] { return count_ != seen; });
  }

 private:
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  uint64_t count_ = 0;
};

}  // namespace tarn::transform

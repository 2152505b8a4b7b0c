// Why the steps of a run should end before their time. Thread safe.
#pragma once

#include <condition_variable>
#include <mutex>

#include <absl/time/time.h>

namespace tarn::transform {

class RunControl {
 public:
  enum class Mode {
    kGoOn,
    kStop,     // somebody asked for the run's end: cancel what runs, and write so
    kAbandon,  // this process no longer holds the run: leave all as it is, write nothing
  };

  Mode mode() const {
    std::lock_guard lock(mutex_);
    return mode_;
  }

  void Stop() { Raise(Mode::kStop); }
  void Abandon() { Raise(Mode::kAbandon); }

  // Returns after `duration`, or when the mode is no longer `mode`.
  void Sleep(absl::Duration duration, Mode mode) const {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, absl::ToChronoNanoseconds(duration), [&] { return mode_ != mode; });
  }

 private:
  void Raise(Mode mode) {
    {
      std::lock_guard lock(mutex_);
      if (mode > mode_) mode_ = mode;
    }
    changed_.notify_all();
  }

  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  Mode mode_ = Mode::kGoOn;
};

}  // namespace tarn::transform

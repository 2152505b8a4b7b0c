// Ctrl-C as a call. While an object lives, the first SIGINT runs its function, on a thread of the
// object's own; the second ends the program as if nobody listened. One object at a time.
#pragma once

#include <atomic>
#include <functional>
#include <thread>

namespace tarn::cli {

class InterruptListener {
 public:
  explicit InterruptListener(std::function<void()> on_interrupt);
  ~InterruptListener();
  InterruptListener(const InterruptListener&) = delete;
  InterruptListener& operator=(const InterruptListener&) = delete;

  bool interrupted() const { return interrupted_; }

 private:
  void Wait();

  const std::function<void()> on_interrupt_;
  std::atomic<bool> interrupted_ = false;
  int read_end_ = -1;
  int write_end_ = -1;
  std::thread thread_;
};

}  // namespace tarn::cli

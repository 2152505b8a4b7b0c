// A thread that looks for work again and again: at once when there was some or a signal came, else
// after its interval. Errors are logged once per outage and tried again with growing pauses.
#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <thread>

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "services/catalog/change_signal.h"

namespace tarn::catalog {

class WorkLoop {
 public:
  // `work` does one piece and says whether there was one; it ends early when told to stop. `signal`
  // and whatever `work` uses outlive the loop.
  WorkLoop(std::string name, ChangeSignal& signal, absl::Duration interval,
           std::function<absl::StatusOr<bool>(const std::atomic<bool>& stop)> work);
  ~WorkLoop();
  WorkLoop(const WorkLoop&) = delete;
  WorkLoop& operator=(const WorkLoop&) = delete;

  // Tells it to stop, without waiting.
  void RequestStop();

 private:
  void Run();

  const std::string name_;
  ChangeSignal& signal_;
  const absl::Duration interval_;
  const std::function<absl::StatusOr<bool>(const std::atomic<bool>&)> work_;
  std::atomic<bool> stop_ = false;
  std::thread thread_;  // last: it uses what is above
};

}  // namespace tarn::catalog

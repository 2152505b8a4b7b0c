// Threads that look for work again and again.
//
// Each calls `work`, at once again while there was some, else after a pause. An outage
// (UNAVAILABLE) is logged once and waited out with growing pauses; any other error is logged each
// time.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <absl/status/statusor.h>
#include <absl/time/time.h>

namespace tarn::alerting {

class BackgroundLoop {
 public:
  // True when there was work, so that there may be more. Called by several threads at a time.
  using Work = std::function<absl::StatusOr<bool>()>;

  // `what` names the loop in logs: "evaluator".
  BackgroundLoop(std::string what, absl::Duration pause, Work work);
  ~BackgroundLoop();  // Stop
  BackgroundLoop(const BackgroundLoop&) = delete;
  BackgroundLoop& operator=(const BackgroundLoop&) = delete;

  void Start(int threads);
  // No work begins after it; what runs goes on.
  void RequestStop();
  // Returns when the threads have ended. Idempotent.
  void Stop();
  // Ends the pause of one thread.
  void Wake();

 private:
  void Run();

  const std::string what_;
  const absl::Duration pause_;
  const Work work_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stop_ = false;
  bool awake_ = false;
  bool outage_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace tarn::alerting

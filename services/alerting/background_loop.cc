#include "services/alerting/background_loop.h"

#include <algorithm>

#include "common/logging/logging.h"

namespace tarn::alerting {
namespace {

constexpr absl::Duration kLongestPause = absl::Seconds(5);

}  // namespace

BackgroundLoop::BackgroundLoop(std::string what, absl::Duration pause, Work work)
    : what_(std::move(what)), pause_(pause), work_(std::move(work)) {}

BackgroundLoop::~BackgroundLoop() { Stop(); }

void BackgroundLoop::Start(int threads) {
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { Run(); });
}

void BackgroundLoop::RequestStop() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
}

void BackgroundLoop::Stop() {
  RequestStop();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void BackgroundLoop::Wake() {
  {
    std::lock_guard lock(mutex_);
    awake_ = true;
  }
  changed_.notify_one();
}

void BackgroundLoop::Run() {
  absl::Duration pause = pause_;
  std::unique_lock lock(mutex_);
  while (!stop_) {
    lock.unlock();
    absl::StatusOr<bool> worked = work_();
    lock.lock();
    if (worked.ok()) {
      if (outage_) logging::Info("alerting", "working again", {{"loop", what_}});
      outage_ = false;
      pause = pause_;
      if (*worked) continue;
    } else {
      const bool unavailable = worked.status().code() == absl::StatusCode::kUnavailable;
      if (!unavailable || !outage_) {
        logging::Warn("alerting", "background work failed and is tried again", worked.status(),
                      {{"loop", what_}});
      }
      outage_ = unavailable;
      pause = std::min(std::max(pause * 2, pause_), std::max(kLongestPause, pause_));
    }
    changed_.wait_for(lock, absl::ToChronoMilliseconds(pause), [this] { return stop_ || awake_; });
    awake_ = false;
  }
}

}  // namespace tarn::alerting

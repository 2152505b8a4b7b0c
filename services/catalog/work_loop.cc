#include "services/catalog/work_loop.h"

#include <algorithm>

#include "common/logging/logging.h"

namespace tarn::catalog {
namespace {

constexpr absl::Duration kFirstPause = absl::Milliseconds(200);
constexpr absl::Duration kMaxPause = absl::Seconds(5);

}  // namespace

WorkLoop::WorkLoop(std::string name, ChangeSignal& signal, absl::Duration interval,
                   std::function<absl::StatusOr<bool>(const std::atomic<bool>&)> work)
    : name_(std::move(name)),
      signal_(signal),
      interval_(interval),
      work_(std::move(work)),
      thread_([this] { Run(); }) {}

WorkLoop::~WorkLoop() {
  RequestStop();
  thread_.join();
}

void WorkLoop::RequestStop() {
  stop_ = true;
  signal_.Notify();
}

void WorkLoop::Run() {
  absl::Duration pause = kFirstPause;
  bool failing = false;
  while (!stop_) {
    const uint64_t seen = signal_.count();
    const absl::StatusOr<bool> worked = work_(stop_);
    if (!worked.ok()) {
      if (!failing) logging::Warn("catalog", name_ + " is interrupted; trying on", worked.status());
      failing = true;
      if (!stop_) signal_.WaitPast(signal_.count(), pause);
      pause = std::min(pause * 2, kMaxPause);
      continue;
    }
    if (failing) logging::Info("catalog", name_ + " goes on");
    failing = false;
    pause = kFirstPause;
    if (*worked) {
      signal_.Notify();  // who waits for the end of a job looks now
    } else if (!stop_) {
      signal_.WaitPast(seen, interval_);
    }
  }
}

}  // namespace tarn::catalog

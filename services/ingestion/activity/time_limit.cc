#include "services/ingestion/activity/time_limit.h"

#include <chrono>

#include <absl/strings/str_cat.h>

#include "common/status/error.h"

namespace tarn::ingestion {
namespace {

constexpr auto kInterruptPause = std::chrono::milliseconds(2);

}  // namespace

TimeLimit::TimeLimit(duckdb::Connection& connection, absl::Duration limit)
    : limit_(limit), watcher_([this, &connection] {
        std::unique_lock lock(mutex_);
        if (changed_.wait_for(lock, absl::ToChronoMilliseconds(limit_), [&] { return done_; })) {
          return;
        }
        interrupted_ = true;
        // Again and again: between two statements an interrupt does nothing.
        do {
          connection.Interrupt();
        } while (!changed_.wait_for(lock, kInterruptPause, [&] { return done_; }));
      }) {}

TimeLimit::~TimeLimit() {
  {
    std::lock_guard lock(mutex_);
    done_ = true;
  }
  changed_.notify_all();
  watcher_.join();
}

absl::Status TimeLimit::Explain(const absl::Status& status) const {
  std::lock_guard lock(mutex_);
  if (status.code() != absl::StatusCode::kCancelled || !interrupted_) return status;
  return DeadlineExceeded(
      "ACTIVITIES_TIMED_OUT",
      absl::StrCat("the stream's activities took more than ", absl::FormatDuration(limit_),
                   " for one batch; make them simpler, or let the stream deliver smaller batches "
                   "(delivery.max_bytes)"));
}

}  // namespace tarn::ingestion

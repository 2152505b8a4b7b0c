#include "common/postgres/storage_opener.h"

#include <algorithm>
#include <chrono>

#include "common/logging/logging.h"
#include "common/status/error.h"

namespace tarn {

StorageOpener::StorageOpener(std::string module, std::function<absl::Status()> open)
    : module_(std::move(module)),
      open_(std::move(open)),
      status_(Unavailable("DATABASE_NOT_READY", module_ + " has not opened its database yet")) {}

bool StorageOpener::TryOnce() {
  absl::Status status = open_();
  if (status.ok()) {
    if (failure_logged_) logging::Info(module_, "the database is open");
  } else if (!failure_logged_) {
    // Once an outage.
    logging::Warn(module_, "the database cannot be opened; it is tried again", status);
    failure_logged_ = true;
  }
  std::lock_guard lock(mutex_);
  status_ = status;
  return status.ok();
}

void StorageOpener::Start() {
  if (!TryOnce()) thread_ = std::thread([this] { RetryLoop(); });
}

void StorageOpener::RetryLoop() {
  auto pause = std::chrono::milliseconds(200);
  std::unique_lock lock(mutex_);
  while (!stop_.wait_for(lock, pause, [this] { return stopping_; })) {
    lock.unlock();
    const bool open = TryOnce();
    lock.lock();
    if (open) return;
    pause = std::min(pause * 2, std::chrono::milliseconds(2000));
  }
}

void StorageOpener::Stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  stop_.notify_all();
  if (thread_.joinable()) thread_.join();
}

absl::Status StorageOpener::Check() const {
  std::lock_guard lock(mutex_);
  if (status_.ok() || status_.code() == absl::StatusCode::kUnavailable) return status_;
  const std::string reason = ErrorReason(status_);
  return Unavailable(reason.empty() ? "DATABASE_NOT_READY" : reason,
                     std::string(status_.message()));
}

}  // namespace tarn

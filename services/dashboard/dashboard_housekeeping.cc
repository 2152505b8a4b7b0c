#include "services/dashboard/dashboard_housekeeping.h"

#include "common/idempotency/idempotency.h"
#include "common/logging/logging.h"
#include "common/postgres/postgres_pool.h"

namespace tarn::dashboard {

void DashboardHousekeeping::Start() {
  thread_ = std::thread([this] { Loop(); });
}

void DashboardHousekeeping::Stop() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  stopped_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void DashboardHousekeeping::Loop() {
  bool failing = false;
  do {
    const absl::Status status = idempotency::Purge(pool_, "dashboard").status();
    if (!status.ok() && !failing) {
      logging::Warn("dashboard", "cannot forget old responses; tried again every hour", status);
    }
    failing = !status.ok();
    std::unique_lock lock(mutex_);
    stopped_.wait_for(lock, absl::ToChronoNanoseconds(interval_), [this] { return stop_; });
    if (stop_) return;
  } while (true);
}

}  // namespace tarn::dashboard

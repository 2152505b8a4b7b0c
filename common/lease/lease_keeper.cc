#include "common/lease/lease_keeper.h"

#include <algorithm>
#include <chrono>

#include "common/status/error.h"

namespace tarn {

LeaseKeeper::LeaseKeeper(PostgresPool& pool, LeaseTable table, Lease lease, absl::Duration ttl,
                         std::function<void()> on_lost)
    : pool_(pool),
      table_(std::move(table)),
      lease_(std::move(lease)),
      ttl_(ttl),
      on_lost_(std::move(on_lost)),
      thread_([this] { Keep(); }) {}

LeaseKeeper::~LeaseKeeper() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  stop_changed_.notify_all();
  thread_.join();
}

void LeaseKeeper::Keep() {
  using SteadyClock = std::chrono::steady_clock;
  const auto ttl = absl::ToChronoNanoseconds(ttl_);
  // The claim was a moment before; the first renewal soon after makes up for that.
  SteadyClock::time_point last_renewal = SteadyClock::now();
  std::chrono::nanoseconds pause = ttl / 6;
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      if (stop_changed_.wait_for(lock, pause, [this] { return stop_; })) return;
    }
    const SteadyClock::time_point begin = SteadyClock::now();
    Lease renewed = lease_;
    absl::Status status =
        pool_.Run([&](Transaction& txn) { return Renew(txn, table_, renewed, ttl_); });
    if (status.ok()) {
      last_renewal = begin;
      pause = ttl / 3;
      continue;
    }
    if (ErrorReason(status) == "LEASE_LOST" || SteadyClock::now() - last_renewal >= ttl) {
      lost_ = true;
      if (on_lost_) on_lost_();
      return;
    }
    pause = ttl / 10;  // PostgreSQL is away: try again while there is time
  }
}

}  // namespace tarn

// Renews one lease from a thread of its own while its holder works, and says when it is lost.
//
// It renews after a third of the lease's time. The lease counts as lost when PostgreSQL says so, or
// when no renewal got through for the whole time since the last one began (by this machine's steady
// clock), since then another instance may have taken over. Losing it does not undo anything: the
// epoch does, this only stops useless work early.
//
// Destroying it stops renewing and leaves the row as it is: Release it in the transaction that ends
// the work. `pool` outlives it. Any thread may ask lost().
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include "common/lease/lease.h"
#include "common/postgres/postgres_pool.h"

namespace tarn {

class LeaseKeeper {
 public:
  // `on_lost` is called at most once, by the keeper's thread, and must not destroy the keeper.
  LeaseKeeper(PostgresPool& pool, LeaseTable table, Lease lease, absl::Duration ttl,
              std::function<void()> on_lost = nullptr);
  ~LeaseKeeper();
  LeaseKeeper(const LeaseKeeper&) = delete;
  LeaseKeeper& operator=(const LeaseKeeper&) = delete;

  bool lost() const { return lost_; }
  // As it was claimed; its epoch is what writes carry.
  const Lease& lease() const { return lease_; }

 private:
  void Keep();

  PostgresPool& pool_;
  const LeaseTable table_;
  const Lease lease_;
  const absl::Duration ttl_;
  const std::function<void()> on_lost_;
  std::atomic<bool> lost_ = false;
  std::mutex mutex_;
  std::condition_variable stop_changed_;
  bool stop_ = false;
  std::thread thread_;  // last: it uses what is above
};

}  // namespace tarn

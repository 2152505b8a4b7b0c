// Forgets the stored responses of dashboard's mutations after a day: looks at once, then every
// hour.
//
// Any number of processes may do so on one database. Start, Stop: one thread; what it refers to
// outlives it.
#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>

#include <absl/time/time.h>

namespace tarn {
class PostgresPool;
}

namespace tarn::dashboard {

class DashboardHousekeeping {
 public:
  explicit DashboardHousekeeping(PostgresPool& pool, absl::Duration interval = absl::Hours(1))
      : pool_(pool), interval_(interval) {}
  ~DashboardHousekeeping() { Stop(); }

  // Once the tables are there.
  void Start();
  void Stop();

 private:
  void Loop();

  PostgresPool& pool_;
  const absl::Duration interval_;
  std::mutex mutex_;
  std::condition_variable stopped_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace tarn::dashboard

// Interrupts a connection when its work takes too long. Used by one thread; a thread of its own
// watches.
#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>

#include <absl/status/status.h>
#include <absl/time/time.h>

#include "common/duckdb/database.h"

namespace tarn::ingestion {

class TimeLimit {
 public:
  // The connection outlives this.
  TimeLimit(duckdb::Connection& connection, absl::Duration limit);
  ~TimeLimit();
  TimeLimit(const TimeLimit&) = delete;
  TimeLimit& operator=(const TimeLimit&) = delete;

  // `status`, but DEADLINE_EXCEEDED (ACTIVITIES_TIMED_OUT) for what the limit interrupted.
  absl::Status Explain(const absl::Status& status) const;

 private:
  const absl::Duration limit_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool done_ = false;
  bool interrupted_ = false;
  std::thread watcher_;
};

}  // namespace tarn::ingestion

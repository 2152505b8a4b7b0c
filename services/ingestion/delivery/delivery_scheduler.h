// Decides when which stream is delivered, and has it done by a few workers, one at a time for each
// stream. A stream is due when max_bytes are buffered, when its oldest record has waited for
// max_delay, or when somebody flushes it. After an error it waits, up to 10 s.
//
// Thread safe. Everything referred to outlives it. Lock order: the scheduler's before the log's.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <absl/status/status.h>
#include <absl/time/time.h>

#include "services/ingestion/delivery/stream_delivery.h"

namespace tarn::ingestion {

struct DeliveryStatus {
  std::string error;  // why delivery is not getting on; empty when it is
};

class DeliveryScheduler {
 public:
  DeliveryScheduler(const DeliveryDependencies& dependencies, const StreamRegistry& registry,
                    int workers);
  ~DeliveryScheduler();
  DeliveryScheduler(const DeliveryScheduler&) = delete;
  DeliveryScheduler& operator=(const DeliveryScheduler&) = delete;

  // Takes up what the log holds and begins.
  void Start();
  // Ends after the batches under way. What is not delivered stays in the log.
  void Stop();

  // New records of the stream are durable. Cheap.
  void Notify(const std::string& stream_uid);
  // Delivers everything before `position` and returns then. DEADLINE_EXCEEDED (FLUSH_TIMEOUT) says
  // why it took too long; CANCELLED when `is_cancelled` says so.
  absl::Status Flush(const Stream& stream, uint64_t position, absl::Duration timeout,
                     const std::function<bool()>& is_cancelled);
  DeliveryStatus StatusOf(const std::string& stream_uid) const;
  // Forgets a stream that was deleted.
  void Remove(const std::string& stream_uid);

 private:
  struct Entry {
    std::unique_ptr<StreamDelivery> delivery;
    bool running = false;
    bool removed = false;
    uint64_t flush_position = 0;
    int failures = 0;
    absl::Time retry_time = absl::InfinitePast();
    std::string error;
  };

  void Work();
  // Under the lock: the entry that is due, or null and when to look again.
  std::pair<const std::string, Entry>* NextDue(absl::Time now, absl::Time* look_again);
  absl::Time DueTime(const std::string& uid, const Entry& entry) const;
  void Deliver(const std::string& uid, Entry& entry, std::unique_lock<std::mutex>& lock);

  const DeliveryDependencies deps_;
  const StreamRegistry& registry_;
  const int worker_count_;

  mutable std::mutex mutex_;
  std::condition_variable work_changed_;
  std::condition_variable progress_;
  bool stop_ = false;
  std::map<std::string, Entry> entries_;  // by uid; node-based: entries stay where they are
  // When an idle worker looks again.
  absl::Time next_look_ = absl::InfiniteFuture();
  std::vector<std::thread> workers_;
};

}  // namespace tarn::ingestion

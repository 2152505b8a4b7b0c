// Decides when which unit of a stream's lanes (unit_factory.h) works, and has it done by a few
// workers, one at a time for each unit. A unit is due when its max_bytes wait for it, when the
// oldest of them has waited for max_delay, or when somebody flushes the stream. Of several that are
// due, the one is next whose turn was the longest ago: one with much to do keeps no other waiting
// for more than a batch. After an error a unit waits, up to 5 s, and the others go on. The log of a
// lane is trimmed where its slowest unit is.
//
// Backfills have what the others leave: they get a worker only when nothing else is due, and where
// there are several workers never the last of them.
//
// A lane's units follow the stream's definition, as the registry has it: one that is new begins,
// one that is gone ends after the batch under way.
//
// Thread safe. Everything referred to outlives it. Lock order: the scheduler's before the
// registry's and the log's.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <absl/status/status.h>
#include <absl/time/time.h>

#include "services/ingestion/delivery/delivery_unit.h"
#include "services/ingestion/delivery/unit_factory.h"
#include "services/ingestion/stream/lane.h"
#include "services/ingestion/stream/stream_registry.h"
#include "services/ingestion/stream/stream_statistics.h"

namespace tarn::ingestion {

class DeliveryScheduler {
 public:
  DeliveryScheduler(const DeliveryDependencies& dependencies, const RawDeliveryDependencies& raw,
                    const StreamRegistry& registry, int workers);
  ~DeliveryScheduler();
  DeliveryScheduler(const DeliveryScheduler&) = delete;
  DeliveryScheduler& operator=(const DeliveryScheduler&) = delete;

  // Takes up what the log holds and begins.
  void Start();
  // Ends after the batches under way. What is not delivered stays in the log.
  void Stop();

  // New records of the lane are durable. Cheap.
  void Notify(const std::string& lane_key);
  // The registry has another definition of the stream.
  void StreamChanged(const std::string& stream_uid);
  // Delivers everything that is in the stream's lanes now and returns then. DEADLINE_EXCEEDED
  // (FLUSH_TIMEOUT) says why it took too long; FAILED_PRECONDITION STREAM_PAUSED; CANCELLED when
  // `is_cancelled` says so.
  absl::Status Flush(const Stream& stream, absl::Duration timeout,
                     const std::function<bool()>& is_cancelled);
  // How the stream's units are doing, by their ids.
  std::map<std::string, DeliveryHealth> HealthOf(const std::string& stream_uid) const;
  // Forgets a stream that was deleted.
  void Remove(const std::string& stream_uid);

 private:
  struct Unit {
    UnitSpec spec;
    std::unique_ptr<DeliveryUnit> delivery;  // made by the first worker
    // Before it everything is delivered; not known before the first batch.
    std::optional<uint64_t> position;
    bool running = false;
    bool ended = false;        // goes when it runs no more
    bool starts_anew = false;  // is made again when it runs no more
    uint64_t last_turn = 0;
    int failures = 0;
    absl::Time retry_time = absl::InfinitePast();
    DeliveryHealth health;
  };
  struct LaneState {
    Lane lane;
    std::string workspace;
    int64_t revision = -1;              // of the definition that `units` are of
    std::map<std::string, Unit> units;  // by id; node-based: they stay where they are
    bool paused = false;
    uint64_t flush_position = 0;
    bool removed = false;  // goes when no unit runs any more
  };

  void Work();
  // All of the following under the lock.
  LaneState& LaneOf(const std::string& key);
  // The lanes of a stream that are there: from the first on, as long as IsOf says so.
  static bool IsOf(const std::string& key, const std::string& stream_uid);
  // Has the lane's units follow the stream's definition; false while that is not known.
  bool Follow(LaneState& lane);
  struct Due {
    LaneState* lane = nullptr;
    Unit* unit = nullptr;
  };
  bool MayBackfill() const;
  // What is due, or nothing and when to look again.
  Due NextDue(absl::Time now, absl::Time* look_again);
  absl::Time DueTime(const LaneState& lane, const Unit& unit) const;
  absl::Time EarliestDue(LaneState& lane);
  void Deliver(LaneState& lane, Unit& unit, std::unique_lock<std::mutex>& lock);
  // Lets the log forget what all of the lane's units have.
  void Trim(LaneState& lane);
  // Removes units that have ended, and the lane if it is removed.
  void Sweep(LaneState& lane);

  const DeliveryDependencies deps_;
  const UnitFactory factory_;
  const StreamRegistry& registry_;
  const int worker_count_;

  mutable std::mutex mutex_;
  std::condition_variable work_changed_;
  std::condition_variable progress_;
  bool stop_ = false;
  std::map<std::string, LaneState> lanes_;  // by key; node-based: they stay where they are
  uint64_t turns_ = 0;
  int running_backfills_ = 0;
  // When an idle worker looks again.
  absl::Time next_look_ = absl::InfiniteFuture();
  std::vector<std::thread> workers_;
};

}  // namespace tarn::ingestion

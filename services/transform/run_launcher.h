// Starts runs that nobody asks for: by schedule and by event.
//
// Schedules: a pipeline keeps when it is due next; whoever locks the row first fires it, once
// however many times were missed. Events: a subscriber writes down those that fit a trigger, and
// the loop makes runs of them, but of those that the pipeline caused itself. Where a run waits that
// was started in the same way with the same values, it stands for what comes in the meantime. The
// loop also forgets what is old (RunRetention).
//
// Any number of processes may do so on one database. Start, Stop: one thread. What it refers to
// outlives it.
#pragma once

#include <atomic>
#include <memory>
#include <thread>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "services/transform/run.h"
#include "services/transform/run_retention.h"

namespace tarn {
class Clock;
class PostgresPool;
class Transaction;
namespace events {
class EventSubscriber;
struct Event;
}  // namespace events
}  // namespace tarn

namespace tarn::transform {

class RunChanges;
struct TransformMetrics;

struct RunLauncherOptions {
  absl::Duration poll_interval = absl::Milliseconds(500);
  // How long runs are kept after their end.
  absl::Duration run_retention = absl::Hours(90 * 24);
};

class RunLauncher {
 public:
  RunLauncher(PostgresPool& pool, Clock& clock, RunChanges& changes, TransformMetrics& metrics,
              RunLauncherOptions options);
  ~RunLauncher();  // Stop

  void Start();
  void Stop();

  // The parts of the loop. True when one was done and there may be more.
  absl::StatusOr<bool> FireNextSchedule();
  absl::StatusOr<bool> DecideNextFiring();
  // For the subscriber: writes down whom the event concerns.
  absl::Status OnEvent(Transaction& txn, const events::Event& event);

 private:
  void Loop();
  absl::Status RunOnce();

  PostgresPool& pool_;
  Clock& clock_;
  RunChanges& changes_;
  TransformMetrics& metrics_;
  const absl::Duration poll_interval_;
  RunRetention retention_;  // the loop's own
  const std::unique_ptr<events::EventSubscriber> subscriber_;
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

}  // namespace tarn::transform

#include "services/ingestion/delivery/delivery_scheduler.h"

#include <algorithm>
#include <utility>

#include <absl/strings/str_cat.h>

#include "common/failpoint/failpoint.h"
#include "common/ids/ids.h"
#include "common/logging/logging.h"
#include "common/rpc/client.h"
#include "common/status/error.h"

namespace tarn::ingestion {
namespace {

constexpr rpc::RetryPolicy kBackoff{.max_attempts = 1000,
                                    .initial_backoff = absl::Milliseconds(100),
                                    .max_backoff = absl::Seconds(5)};
// A stream whose definition is not loaded yet.
constexpr absl::Duration kUnknownStreamPause = absl::Milliseconds(500);

}  // namespace

DeliveryScheduler::DeliveryScheduler(const DeliveryDependencies& dependencies,
                                     const RawDeliveryDependencies& raw,
                                     const StreamRegistry& registry, int workers)
    : deps_(dependencies),
      factory_(dependencies, raw),
      registry_(registry),
      worker_count_(workers) {}

DeliveryScheduler::~DeliveryScheduler() { Stop(); }

void DeliveryScheduler::Start() {
  std::lock_guard lock(mutex_);
  for (const auto& [workspace, key] : deps_.wal.UndeliveredStreams()) LaneOf(key);
  for (int i = 0; i < worker_count_; ++i) workers_.emplace_back([this] { Work(); });
}

void DeliveryScheduler::Stop() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  work_changed_.notify_all();
  progress_.notify_all();
  for (std::thread& worker : workers_) worker.join();
  workers_.clear();
}

void DeliveryScheduler::Notify(const std::string& lane_key) {
  std::lock_guard lock(mutex_);
  if (EarliestDue(LaneOf(lane_key)) < next_look_) work_changed_.notify_one();
}

void DeliveryScheduler::StreamChanged(const std::string& stream_uid) {
  std::lock_guard lock(mutex_);
  for (auto lane = lanes_.lower_bound(stream_uid);
       lane != lanes_.end() && IsOf(lane->first, stream_uid); ++lane) {
    Follow(lane->second);
  }
  work_changed_.notify_one();
}

// ---- Lanes and their units ----------------------------------------------------------------------

DeliveryScheduler::LaneState& DeliveryScheduler::LaneOf(const std::string& key) {
  const auto [lane, is_new] = lanes_.try_emplace(key);
  if (is_new) lane->second.lane = LaneOfKey(key);
  return lane->second;
}

bool DeliveryScheduler::IsOf(const std::string& key, const std::string& stream_uid) {
  return key == stream_uid || key.starts_with(LanePrefix(stream_uid));
}

bool DeliveryScheduler::Follow(LaneState& lane) {
  const StreamPtr stream = registry_.FindByUid(lane.lane.stream_uid);
  if (stream == nullptr) return false;
  if (lane.revision == stream->revision) return true;
  lane.revision = stream->revision;
  lane.workspace = stream->workspace;
  lane.paused = stream->definition.paused();
  for (auto& [id, unit] : lane.units) unit.ended = true;
  for (UnitSpec& spec : UnitFactory::UnitsOf(*stream, lane.lane)) {
    const auto [found, is_new] = lane.units.try_emplace(spec.id);
    Unit& unit = found->second;
    if (!is_new && unit.spec.begin != spec.begin) unit.starts_anew = true;
    unit.spec = std::move(spec);
    unit.ended = false;
  }
  Sweep(lane);
  Trim(lane);
  return true;
}

void DeliveryScheduler::Sweep(LaneState& lane) {
  bool runs = false;
  for (auto it = lane.units.begin(); it != lane.units.end();) {
    Unit& unit = it->second;
    runs |= unit.running;
    if (!unit.running && unit.ended) {
      factory_.RemoveState(lane.lane, it->first);
      it = lane.units.erase(it);
      continue;
    }
    if (!unit.running && unit.starts_anew) {
      factory_.RemoveState(lane.lane, it->first);
      unit = Unit{.spec = std::move(unit.spec)};
    }
    ++it;
  }
  if (lane.removed && !runs) lanes_.erase(lanes_.find(lane.lane.key));
}

void DeliveryScheduler::Trim(LaneState& lane) {
  // Without units nobody is to have what it holds: its destination was taken away.
  const StreamBacklog backlog = deps_.wal.Backlog(lane.lane.key);
  uint64_t position = backlog.end_position;
  for (const auto& [id, unit] : lane.units) {
    if (unit.ended) continue;
    if (!unit.position || unit.starts_anew) return;
    position = std::min(position, *unit.position);
  }
  if (position <= backlog.delivered_position) return;
  TARN_FAILPOINT("ingestion.deliver.before_trim");
  deps_.wal.SetDelivered(lane.workspace, lane.lane.key, position);
}

// ---- Who is due ---------------------------------------------------------------------------------

absl::Time DeliveryScheduler::DueTime(const LaneState& lane, const Unit& unit) const {
  if (lane.paused) return absl::InfiniteFuture();
  const uint64_t position = unit.position.value_or(0);
  const StreamBacklog backlog = deps_.wal.Backlog(lane.lane.key, position);
  const bool is_flushed = lane.flush_position > position;
  if (backlog.bytes == 0 && !is_flushed) return absl::InfiniteFuture();
  absl::Time due = backlog.oldest + unit.spec.limits.max_delay;
  // A time to come says that the clock went back, not how long the record has waited.
  const bool is_ahead = backlog.oldest > deps_.clock.Now();
  if (is_flushed || is_ahead ||
      backlog.bytes >= static_cast<uint64_t>(unit.spec.limits.max_bytes)) {
    due = absl::InfinitePast();
  }
  return std::max(due, unit.retry_time);
}

absl::Time DeliveryScheduler::EarliestDue(LaneState& lane) {
  if (lane.removed) return absl::InfiniteFuture();
  absl::Time earliest = absl::InfiniteFuture();
  if (!Follow(lane)) {
    return deps_.wal.Backlog(lane.lane.key).bytes == 0 ? earliest
                                                       : deps_.clock.Now() + kUnknownStreamPause;
  }
  for (const auto& [id, unit] : lane.units) {
    if (!unit.running) earliest = std::min(earliest, DueTime(lane, unit));
  }
  return earliest;
}

bool DeliveryScheduler::MayBackfill() const {
  return running_backfills_ < std::max(1, worker_count_ - 1);
}

DeliveryScheduler::Due DeliveryScheduler::NextDue(absl::Time now, absl::Time* look_again) {
  struct Candidate {
    Due who;
    absl::Time time = absl::InfiniteFuture();  // when the first of all is due
  };
  Candidate next;
  Candidate backfill;
  *look_again = absl::InfiniteFuture();
  for (auto& [key, lane] : lanes_) {
    if (lane.removed) continue;
    if (!Follow(lane)) {
      if (deps_.wal.Backlog(key).bytes > 0) {
        *look_again = std::min(*look_again, now + kUnknownStreamPause);
      }
      continue;
    }
    Candidate& first = lane.lane.kind == LaneKind::kBackfill ? backfill : next;
    for (auto& [id, unit] : lane.units) {
      if (unit.running) continue;
      const absl::Time due = DueTime(lane, unit);
      first.time = std::min(first.time, due);
      // Of those that are due the one whose turn was the longest ago.
      const bool is_first =
          due <= now && (first.who.unit == nullptr || unit.last_turn < first.who.unit->last_turn);
      if (is_first) first.who = {&lane, &unit};
    }
  }
  if (next.time <= now) return next.who;
  *look_again = std::min(*look_again, next.time);
  if (!MayBackfill()) return {};  // who ends one looks again
  if (backfill.time <= now) return backfill.who;
  *look_again = std::min(*look_again, backfill.time);
  return {};
}

// ---- Workers ------------------------------------------------------------------------------------

void DeliveryScheduler::Work() {
  std::unique_lock lock(mutex_);
  while (!stop_) {
    const absl::Time now = deps_.clock.Now();
    absl::Time look_again;
    if (const Due next = NextDue(now, &look_again); next.unit != nullptr) {
      // There may be more; who is woken and finds nothing sleeps again.
      work_changed_.notify_one();
      Deliver(*next.lane, *next.unit, lock);
      continue;
    }
    next_look_ = look_again;
    if (look_again == absl::InfiniteFuture()) {
      work_changed_.wait(lock);
    } else {
      work_changed_.wait_for(
          lock, absl::ToChronoMicroseconds(look_again - now) + std::chrono::milliseconds(1));
    }
  }
}

void DeliveryScheduler::Deliver(LaneState& lane, Unit& unit, std::unique_lock<std::mutex>& lock) {
  const StreamPtr stream = registry_.FindByUid(lane.lane.stream_uid);
  if (stream == nullptr) return;  // it was there a moment ago; the next look tells
  const bool is_backfill = lane.lane.kind == LaneKind::kBackfill;
  if (is_backfill) ++running_backfills_;
  unit.running = true;
  unit.last_turn = ++turns_;
  if (unit.delivery == nullptr) unit.delivery = factory_.Make(lane.lane, unit.spec);
  const std::string id = unit.spec.id;
  const uint64_t end = deps_.wal.Backlog(lane.lane.key).end_position;
  lock.unlock();
  absl::StatusOr<bool> delivered = false;
  {
    const logging::ScopedRequestId request_id("delivery-" + NewShortId());
    delivered = unit.delivery->DeliverBatch(*stream);
    if (!delivered.ok()) {
      deps_.metrics.delivery_failures.Increment();
      // Once for each outage.
      if (unit.failures == 0) {
        logging::Warn(
            "ingestion", "a delivery failed and is tried again", delivered.status(),
            {{"stream", stream->name()}, {"destination", id}, {"workspace", stream->workspace}});
      }
    } else if (unit.failures > 1) {
      logging::Info("ingestion", "delivery goes on",
                    {{"stream", stream->name()}, {"destination", id}});
    }
  }
  const std::optional<uint64_t> position = unit.delivery->position();
  std::string warning = unit.delivery->warning();
  lock.lock();
  unit.running = false;
  if (is_backfill) --running_backfills_;
  unit.health.warning = std::move(warning);
  // Also after an error something may have been delivered before it.
  if (position) unit.position = *position;
  if (delivered.ok()) {
    unit.failures = 0;
    unit.retry_time = absl::InfinitePast();
    unit.health.error.clear();
    // There is nothing more: what is missing before the end will never be read.
    if (!*delivered && unit.position) unit.position = std::max(*unit.position, end);
  } else {
    // The first failure may be one that a fresh look mends at once (an overlap, a changed schema).
    ++unit.failures;
    unit.retry_time = deps_.clock.Now() + rpc::RetryBackoff(kBackoff, std::min(unit.failures, 10));
    unit.health.error = absl::StrCat(ErrorReason(delivered.status()), ": ",
                                     std::string(delivered.status().message()));
  }
  if (!lane.removed) Trim(lane);
  Sweep(lane);  // the lane may be gone now
  progress_.notify_all();
}

// ---- Flushing and the end -----------------------------------------------------------------------

absl::Status DeliveryScheduler::Flush(const Stream& stream, absl::Duration timeout,
                                      const std::function<bool()>& is_cancelled) {
  const auto deadline = std::chrono::steady_clock::now() + absl::ToChronoMilliseconds(timeout);
  std::map<std::string, uint64_t> ends;  // by the lane's key
  for (const Lane& lane : LanesOf(stream)) {
    const uint64_t end = deps_.wal.Backlog(lane.key).end_position;
    if (end > 0) ends[lane.key] = end;
  }
  std::unique_lock lock(mutex_);
  while (true) {
    std::string error;
    bool is_done = true;
    for (const auto& [key, end] : ends) {
      if (deps_.wal.Backlog(key).delivered_position >= end) continue;
      is_done = false;
      LaneState& lane = LaneOf(key);
      lane.flush_position = std::max(lane.flush_position, end);
      if (Follow(lane) && lane.paused) {
        return FailedPrecondition("STREAM_PAUSED",
                                  absl::StrCat("the delivery of ", stream.name(),
                                               " is paused, and records wait; set paused to false"),
                                  {{"stream", stream.name()}});
      }
      for (const auto& [id, unit] : lane.units) {
        if (error.empty() && !unit.health.error.empty())
          error = absl::StrCat(id, ": ", unit.health.error);
      }
    }
    if (is_done) return absl::OkStatus();
    work_changed_.notify_one();
    if (stop_) return Unavailable("STOPPING", "ingestion is being stopped; ask again");
    const auto now = std::chrono::steady_clock::now();
    if (now >= deadline) {
      return DeadlineExceeded(
          "FLUSH_TIMEOUT",
          absl::StrCat("not everything was delivered within ", absl::FormatDuration(timeout),
                       error.empty() ? "; wait longer" : ": ", error));
    }
    if (is_cancelled()) return MakeError(absl::StatusCode::kCancelled, "CANCELLED", "cancelled");
    progress_.wait_until(lock, std::min(deadline, now + std::chrono::milliseconds(100)));
  }
}

std::map<std::string, DeliveryHealth> DeliveryScheduler::HealthOf(
    const std::string& stream_uid) const {
  std::map<std::string, DeliveryHealth> health;
  std::lock_guard lock(mutex_);
  for (auto lane = lanes_.lower_bound(stream_uid);
       lane != lanes_.end() && IsOf(lane->first, stream_uid); ++lane) {
    for (const auto& [id, unit] : lane->second.units) {
      if (unit.ended) continue;
      DeliveryHealth& own = health[id];  // of all its lanes
      if (own.error.empty()) own.error = unit.health.error;
      if (own.warning.empty()) own.warning = unit.health.warning;
    }
  }
  return health;
}

void DeliveryScheduler::Remove(const std::string& stream_uid) {
  std::lock_guard lock(mutex_);
  for (auto next = lanes_.lower_bound(stream_uid);
       next != lanes_.end() && IsOf(next->first, stream_uid);) {
    LaneState& lane = (next++)->second;  // it may go
    lane.removed = true;
    Sweep(lane);
  }
  // It is drained: nobody asks for the keys that it has seen any more.
  factory_.RemoveState(stream_uid);
}

}  // namespace tarn::ingestion

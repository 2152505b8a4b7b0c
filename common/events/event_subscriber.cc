#include "common/events/event_subscriber.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <span>
#include <thread>

#include "common/postgres/listener.h"
#include "common/postgres/postgres_pool.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"

namespace tarn::events {
namespace {

constexpr absl::Duration kFirstBackoff = absl::Milliseconds(100);
// Between two looks, so that events that come one upon the other are handled together.
constexpr absl::Duration kGatherPause = absl::Milliseconds(20);

// Another process of this name has moved on (or is at it): not a failure, look again.
constexpr char kMovedOn[] = "SUBSCRIBER_MOVED_ON";

Cursor ToCursor(const Row& row) {
  return {std::stoull(row.Get<std::string>("xid")), row.Get<int64_t>("seq")};
}

}  // namespace

struct EventSubscriber::State {
  State(PostgresPool& pool_in, SubscriberOptions options_in, Handler handler_in)
      : pool(pool_in),
        options(std::move(options_in)),
        handler(std::move(handler_in)),
        listener(pool.options().dsn, std::string(kChannel)) {}

  // The stored place; made when the name is new.
  absl::StatusOr<Cursor> Place() {
    Cursor begin;
    if (options.begin == SubscriberOptions::Begin::kLatest) {
      TARN_ASSIGN_OR_RETURN(begin, LatestCursor(pool));
    }
    return pool.Run([&](Transaction& txn) -> absl::StatusOr<Cursor> {
      Result stored = txn.Exec("SELECT xid, seq FROM events.cursors WHERE name = $1", options.name);
      if (!stored.empty()) return ToCursor(stored.One());
      txn.Exec(
          "INSERT INTO events.cursors (name, xid, seq) VALUES ($1, $2::xid8, $3) ON CONFLICT DO "
          "NOTHING",
          options.name, std::to_string(begin.xid), begin.seq);
      return ToCursor(
          txn.Exec("SELECT xid, seq FROM events.cursors WHERE name = $1", options.name).One());
    });
  }

  // Moves the place from `from` to `to` in one transaction with the handler's effects. When the
  // handler has failed, `failed` is the event.
  absl::Status Advance(const Cursor& from, const Cursor& to, std::span<const Event> events) {
    return pool.Run([&](Transaction& txn) -> absl::Status {
      failed = nullptr;
      Result locked = txn.ExecPrepared(
          "SELECT xid, seq FROM events.cursors WHERE name = $1 FOR UPDATE SKIP LOCKED",
          options.name);
      if (locked.empty() || ToCursor(locked.One()) != from) return Aborted(kMovedOn, "moved on");
      for (const Event& event : events) {
        failed = &event;
        TARN_RETURN_IF_ERROR(handler(txn, event));
      }
      failed = nullptr;
      txn.ExecPrepared(
          "UPDATE events.cursors SET xid = $2::xid8, seq = $3, updated_at = now() WHERE name = $1",
          options.name, std::to_string(to.xid), to.seq);
      return absl::OkStatus();
    });
  }

  // All of them in one transaction, or those before the one at fault.
  absl::Status Handle(const Cursor& place, std::span<const Event> events) {
    const absl::Status status = Advance(place, events.back().position, events);
    if (status.ok() || failed == nullptr) return status;
    const Event* at_fault = failed;
    const auto before = events.first(static_cast<size_t>(at_fault - events.data()));
    if (!before.empty()) {
      TARN_RETURN_IF_ERROR(Advance(place, before.back().position, before));
      backoff = kFirstBackoff;
    }
    failed = at_fault;
    return status;
  }

  // Handles what there is. OK with true: there may be more at once.
  absl::StatusOr<bool> HandleBatch() {
    TARN_ASSIGN_OR_RETURN(const Cursor place, Place());
    // What the filter left out behind the place is not read again.
    const bool is_known = looked.has_value() && looked->place == place;
    TARN_ASSIGN_OR_RETURN(const EventBatch batch, ReadEvents(pool, is_known ? looked->next : place,
                                                             options.batch_size, options.filter));
    looked = Looked{place, batch.next};
    if (batch.events.empty()) {
      // Stored only now and then, since a write for each foreign event would make more work than it
      // saves.
      if (batch.next.xid <= place.xid + 1000) return false;
      const absl::Status status = Advance(place, batch.next, {});
      if (!status.ok() && ErrorReason(status) != kMovedOn) return status;
      return false;
    }
    looked.reset();
    const absl::Status status = Handle(place, batch.events);
    if (ErrorReason(status) == kMovedOn) return false;
    if (!status.ok()) {
      if (failed != nullptr) fault = *failed;
      return status;
    }
    return !stopping && static_cast<int>(batch.events.size()) >= options.batch_size;
  }

  void Run() {
    while (!stopping) {
      absl::StatusOr<bool> more = HandleBatch();
      if (more.ok()) {
        backoff = kFirstBackoff;
        if (*more || stopping) continue;
        pause.Wait(kGatherPause);
        listener.Wait(options.poll_interval).IgnoreError();
        continue;
      }
      if (options.on_error) {
        options.on_error(more.status(), fault.has_value() ? &*fault : nullptr);
      }
      fault.reset();
      // Not cut short by notifications, as the listener would be; only by Stop.
      pause.Wait(backoff);
      backoff = std::min(2 * backoff, options.max_backoff);
    }
  }

  // A wait that Stop ends.
  class Pause {
   public:
    void Wait(absl::Duration duration) {
      std::unique_lock lock(mutex_);
      ended_.wait_for(lock, absl::ToChronoNanoseconds(duration), [this] { return end_; });
    }
    void End() {
      {
        std::lock_guard lock(mutex_);
        end_ = true;
      }
      ended_.notify_all();
    }

   private:
    std::mutex mutex_;
    std::condition_variable ended_;
    bool end_ = false;
  };

  PostgresPool& pool;
  const SubscriberOptions options;
  const Handler handler;
  Listener listener;
  Pause pause;
  std::atomic<bool> stopping = false;
  std::thread thread;
  // The thread's own.
  struct Looked {
    Cursor place;  // the stored one
    Cursor next;   // up to where there is nothing for the handler
  };
  std::optional<Looked> looked;
  const Event* failed = nullptr;  // of the batch under way
  std::optional<Event> fault;     // the last batch's
  absl::Duration backoff = kFirstBackoff;
};

EventSubscriber::EventSubscriber(PostgresPool& pool, SubscriberOptions options, Handler handler)
    : state_(std::make_unique<State>(pool, std::move(options), std::move(handler))) {}

EventSubscriber::~EventSubscriber() { Stop(); }

void EventSubscriber::Start() {
  state_->thread = std::thread([this] { state_->Run(); });
}

void EventSubscriber::Stop() {
  state_->stopping = true;
  state_->pause.End();
  state_->listener.Interrupt();
  if (state_->thread.joinable()) state_->thread.join();
}

}  // namespace tarn::events

#include "common/events/event_subscriber.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

#include "common/postgres/listener.h"
#include "common/postgres/postgres_pool.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"

namespace tarn::events {
namespace {

constexpr absl::Duration kFirstBackoff = absl::Milliseconds(100);

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

  // Moves the place from `from` to `to` in one transaction with the handler's effect.
  absl::Status Advance(const Cursor& from, const Cursor& to, const Event* event) {
    return pool.Run([&](Transaction& txn) -> absl::Status {
      Result locked = txn.ExecPrepared(
          "SELECT xid, seq FROM events.cursors WHERE name = $1 FOR UPDATE SKIP LOCKED",
          options.name);
      if (locked.empty() || ToCursor(locked.One()) != from) return Aborted(kMovedOn, "moved on");
      if (event != nullptr) TARN_RETURN_IF_ERROR(handler(txn, *event));
      txn.ExecPrepared(
          "UPDATE events.cursors SET xid = $2::xid8, seq = $3, updated_at = now() WHERE name = $1",
          options.name, std::to_string(to.xid), to.seq);
      return absl::OkStatus();
    });
  }

  // Handles what there is. OK with true: there may be more at once.
  absl::StatusOr<bool> HandleBatch() {
    TARN_ASSIGN_OR_RETURN(Cursor place, Place());
    TARN_ASSIGN_OR_RETURN(EventBatch batch,
                          ReadEvents(pool, place, options.batch_size, options.filter));
    for (const Event& event : batch.events) {
      if (stopping) return false;
      absl::Status status = Advance(place, event.position, &event);
      if (ErrorReason(status) == kMovedOn) return false;
      if (!status.ok()) {
        failed = event;
        return status;
      }
      failed.reset();
      backoff = kFirstBackoff;
      place = event.position;
    }
    if (static_cast<int>(batch.events.size()) >= options.batch_size) return true;
    // Beyond what the filter left out, so that it is not read again; only now and then, since a
    // write for each foreign event would make more work than it saves.
    if (batch.next.xid > place.xid + 1000) {
      absl::Status status = Advance(place, batch.next, nullptr);
      if (!status.ok() && ErrorReason(status) != kMovedOn) return status;
    }
    return false;
  }

  void Run() {
    while (!stopping) {
      absl::StatusOr<bool> more = HandleBatch();
      if (more.ok()) {
        backoff = kFirstBackoff;
        if (!*more && !stopping) listener.Wait(options.poll_interval).IgnoreError();
        continue;
      }
      if (options.on_error) {
        options.on_error(more.status(), failed.has_value() ? &*failed : nullptr);
      }
      failed.reset();
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
  std::optional<Event> failed;
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

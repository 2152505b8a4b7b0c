// Calls a handler for every event, in order, from a thread of its own.
//
// The handler gets a transaction in which the subscriber's place (events.cursors, by name) moves on
// as well: what it does there happens exactly once, what it does elsewhere at least once. Events
// that come together share a transaction; when the handler fails, those before are done without the
// one at fault, which is tried again with growing pauses while the following ones wait: a handler
// that wants to give up on an event records so and returns OK. Keep it short; an open transaction
// delays the events of all readers.
//
// Several processes may run a subscriber of one name: the place is locked, each event is handled by
// one of them, and another takes over when that one dies.
// It wakes up by NOTIFY and polls besides. Start, Stop: one thread; the handler is called by the
// subscriber's.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include <absl/status/status.h>
#include <absl/time/time.h>

#include "common/events/event_reader.h"

namespace tarn::events {

struct SubscriberOptions {
  std::string name;  // "transform.triggers"
  EventFilter filter;
  // Where a subscriber of a new name begins: with the oldest event kept, or with what comes now.
  enum class Begin { kEarliest, kLatest } begin = Begin::kEarliest;
  absl::Duration poll_interval = absl::Milliseconds(500);
  absl::Duration max_backoff = absl::Seconds(30);
  int batch_size = 100;
  // Told of each failure of the handler (with the event) and of PostgreSQL (with nullptr).
  std::function<void(const absl::Status&, const Event*)> on_error;
};

class EventSubscriber {
 public:
  using Handler = std::function<absl::Status(Transaction&, const Event&)>;

  // `pool` outlives the subscriber; it uses one connection of it at a time, and one of its own to
  // listen.
  EventSubscriber(PostgresPool& pool, SubscriberOptions options, Handler handler);
  ~EventSubscriber();  // Stop
  EventSubscriber(const EventSubscriber&) = delete;
  EventSubscriber& operator=(const EventSubscriber&) = delete;

  void Start();
  // Returns once the handler has ended. Idempotent.
  void Stop();

 private:
  struct State;
  const std::unique_ptr<State> state_;
};

}  // namespace tarn::events

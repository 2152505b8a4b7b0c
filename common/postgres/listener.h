// Waits for NOTIFY on one channel, on a connection of its own. A hint to look now, never the only
// way to learn of something: notifications sent while the connection is down are lost, so callers
// poll as well. One thread calls Wait; Interrupt may come from any thread.
#pragma once

#include <memory>
#include <string>

#include <absl/status/status.h>
#include <absl/time/time.h>

namespace tarn {

class Listener {
 public:
  // Connects when Wait is first called, and anew after an error.
  Listener(std::string dsn, std::string channel);
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  // Returns after a notification, `timeout` or Interrupt, whichever is first; the caller looks in
  // any case. Where PostgreSQL cannot be reached it waits out the timeout just so, and returns
  // UNAVAILABLE.
  absl::Status Wait(absl::Duration timeout);

  // Wakes this and every later Wait.
  void Interrupt();

 private:
  struct State;
  const std::unique_ptr<State> state_;
};

}  // namespace tarn

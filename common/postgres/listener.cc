#include "common/postgres/listener.h"

#include <algorithm>
#include <cstdint>
#include <poll.h>
#include <unistd.h>

#include <sys/eventfd.h>

#include "common/postgres/connection_string.h"
#include "common/postgres/pooled_connection.h"
#include "common/postgres/postgres_error.h"
#include "common/status/status_macros.h"

namespace tarn {
namespace {

class IgnoringReceiver : public pqxx::notification_receiver {
 public:
  using pqxx::notification_receiver::notification_receiver;
  void operator()(const std::string&, int) override {}
};

int Milliseconds(absl::Duration duration) {
  return static_cast<int>(std::clamp<int64_t>(absl::ToInt64Milliseconds(duration), 0, 3'600'000));
}

}  // namespace

struct Listener::State {
  // Reads the arrived notifications, or waits for them. Throws.
  void Wait(const std::string& target, absl::Duration timeout) {
    if (connection == nullptr) {
      connection = std::make_unique<postgres_internal::PooledConnection>(target);
      receiver = std::make_unique<IgnoringReceiver>(connection->connection, channel);
      return;  // something may have happened before we listened: the caller looks
    }
    if (connection->connection.get_notifs() > 0) return;
    pollfd fds[2] = {{connection->connection.sock(), POLLIN, 0}, {interrupt, POLLIN, 0}};
    if (poll(fds, 2, Milliseconds(timeout)) > 0 && fds[0].revents != 0) {
      connection->connection.get_notifs();
      if (!connection->connection.is_open()) throw pqxx::broken_connection();
    }
  }

  std::string dsn;
  std::string channel;
  int interrupt = -1;
  std::unique_ptr<postgres_internal::PooledConnection> connection;
  std::unique_ptr<IgnoringReceiver> receiver;  // goes before its connection
};

Listener::Listener(std::string dsn, std::string channel) : state_(std::make_unique<State>()) {
  state_->dsn = std::move(dsn);
  state_->channel = std::move(channel);
  state_->interrupt = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

Listener::~Listener() {
  state_->receiver.reset();
  state_->connection.reset();
  close(state_->interrupt);
}

absl::Status Listener::Wait(absl::Duration timeout) {
  absl::Status status;
  auto target = postgres_internal::MakeConnectionString(
      state_->dsn, {.application_name = "tarn-listener",
                    .connect_timeout = absl::Seconds(5),
                    .statement_timeout = absl::Seconds(30),
                    .idle_in_transaction_timeout = absl::ZeroDuration()});
  if (target.ok()) {
    try {
      state_->Wait(target->dsn, timeout);
      return absl::OkStatus();
    } catch (const std::exception&) {
      status = postgres_internal::MapCurrentException(target->server).status;
      try {
        state_->receiver.reset();
      } catch (const std::exception&) {
      }
      state_->connection.reset();
    }
  } else {
    status = target.status();
  }
  pollfd fd = {state_->interrupt, POLLIN, 0};
  poll(&fd, 1, Milliseconds(timeout));
  return status;
}

void Listener::Interrupt() {
  uint64_t one = 1;
  [[maybe_unused]] ssize_t written = write(state_->interrupt, &one, sizeof one);
}

}  // namespace tarn

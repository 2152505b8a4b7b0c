#include "common/postgres/postgres_pool.h"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

#include "common/postgres/connection_string.h"
#include "common/postgres/pooled_connection.h"
#include "common/postgres/postgres_error.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"

namespace tarn {
namespace {

using postgres_internal::ConnectionString;
using postgres_internal::MapCurrentException;
using postgres_internal::MappedError;
using postgres_internal::PooledConnection;

constexpr int kRetries = 3;
// Notifications of one pool are this far apart at least; listeners poll for what falls between.
constexpr absl::Duration kNotifyInterval = absl::Milliseconds(5);

// 5, 10, 20 ms, each with up to as much again, so that two that collided do not meet once more.
void Backoff(int attempt) {
  thread_local std::minstd_rand random(std::random_device{}());
  int base = 5 << attempt;
  std::this_thread::sleep_for(
      std::chrono::milliseconds(base + std::uniform_int_distribution<int>(0, base)(random)));
}

std::unique_ptr<pqxx::transaction_base> Begin(const TransactionOptions& options,
                                              pqxx::connection& connection) {
  using pqxx::repeatable_read, pqxx::serializable, pqxx::read_committed;
  if (options.autocommit) return std::make_unique<pqxx::nontransaction>(connection);
  switch (options.isolation) {
    case Isolation::kRepeatableRead:
      if (options.read_only) {
        return std::make_unique<pqxx::transaction<repeatable_read, pqxx::read_only>>(connection);
      }
      return std::make_unique<pqxx::transaction<repeatable_read>>(connection);
    case Isolation::kSerializable:
      if (options.read_only) {
        return std::make_unique<pqxx::transaction<serializable, pqxx::read_only>>(connection);
      }
      return std::make_unique<pqxx::transaction<serializable>>(connection);
    case Isolation::kReadCommitted:
      break;
  }
  if (options.read_only) {
    return std::make_unique<pqxx::transaction<read_committed, pqxx::read_only>>(connection);
  }
  return std::make_unique<pqxx::transaction<read_committed>>(connection);
}

}  // namespace

struct PostgresPool::State {
  // nullptr means: open a new one, for which a place is reserved.
  absl::StatusOr<std::unique_ptr<PooledConnection>> Acquire(const PostgresPoolOptions& options) {
    std::unique_lock lock(mutex);
    if (!freed.wait_for(lock, absl::ToChronoNanoseconds(options.acquire_timeout),
                        [&] { return !idle.empty() || open < options.max_connections; })) {
      return Unavailable("POSTGRES_POOL_EXHAUSTED",
                         "all " + std::to_string(options.max_connections) +
                             " connections to PostgreSQL were busy for " +
                             absl::FormatDuration(options.acquire_timeout) +
                             "; try again, or allow more connections");
    }
    if (idle.empty()) {
      ++open;
      return nullptr;
    }
    std::unique_ptr<PooledConnection> connection = std::move(idle.back());
    idle.pop_back();
    return connection;
  }

  void Release(std::unique_ptr<PooledConnection> connection) {
    {
      std::lock_guard lock(mutex);
      idle.push_back(std::move(connection));
    }
    freed.notify_one();
  }

  // A connection was lost, so those that idle are likely dead as well (the server restarted).
  void Discard(std::unique_ptr<PooledConnection> connection) {
    std::vector<std::unique_ptr<PooledConnection>> closing;
    {
      std::lock_guard lock(mutex);
      --open;
      open -= static_cast<int>(idle.size());
      closing.swap(idle);
    }
    freed.notify_all();
    connection.reset();
  }

  bool MayNotifyNow() {
    std::lock_guard lock(mutex);
    absl::Time now = absl::Now();
    if (now >= last_notify && now < last_notify + kNotifyInterval) return false;
    last_notify = now;
    return true;
  }

  absl::StatusOr<ConnectionString> target;
  mutable std::mutex mutex;
  std::condition_variable freed;
  std::vector<std::unique_ptr<PooledConnection>> idle;
  int open = 0;  // idle, busy, or being opened
  absl::Time last_notify = absl::InfinitePast();
};

PostgresPool::PostgresPool(PostgresPoolOptions options)
    : options_(std::move(options)), state_(std::make_unique<State>()) {
  state_->target = postgres_internal::MakeConnectionString(
      options_.dsn, {.application_name = options_.application_name,
                     .connect_timeout = options_.connect_timeout,
                     .statement_timeout = options_.statement_timeout,
                     .idle_in_transaction_timeout = options_.idle_in_transaction_timeout});
}

PostgresPool::~PostgresPool() = default;

absl::Status PostgresPool::RunStatus(const TransactionOptions& options,
                                     const std::function<absl::Status(Transaction&)>& fn) {
  if (!state_->target.ok()) return state_->target.status();
  const std::string& server = state_->target->server;
  for (int attempt = 0;; ++attempt) {
    TARN_ASSIGN_OR_RETURN(std::unique_ptr<PooledConnection> connection, state_->Acquire(options_));
    const bool reused = connection != nullptr;
    bool executing = false;
    MappedError error;
    try {
      if (!reused) connection = std::make_unique<PooledConnection>(state_->target->dsn);
      std::string notify;
      absl::Status status;
      {
        std::unique_ptr<pqxx::transaction_base> base = Begin(options, connection->connection);
        Transaction txn(*base, *connection);
        executing = true;
        status = fn(txn);
        if (status.ok()) {
          base->commit();
          notify = std::move(txn.notify_after_commit_);
        } else {
          base->abort();
        }
      }
      if (!notify.empty() && state_->MayNotifyNow()) {
        try {
          pqxx::nontransaction(connection->connection).exec("NOTIFY " + notify);
        } catch (const pqxx::pqxx_exception&) {  // the commit stands; listeners poll
        }
      }
      if (connection->connection.is_open()) {
        state_->Release(std::move(connection));
      } else {
        state_->Discard(std::move(connection));
      }
      return status;
    } catch (const std::exception&) {
      try {
        error = MapCurrentException(server);
      } catch (...) {
        state_->Discard(std::move(connection));
        throw;
      }
    }
    const bool lost =
        error.connection_lost || connection == nullptr || !connection->connection.is_open();
    if (lost) {
      state_->Discard(std::move(connection));
    } else {
      state_->Release(std::move(connection));
    }
    if (attempt == kRetries) return error.status;
    if (error.conflict) {
      Backoff(attempt);
      continue;
    }
    if (error.status.code() == absl::StatusCode::kUnavailable && lost && options.autocommit &&
        executing) {
      return MakeError(absl::StatusCode::kUnknown, "COMMIT_IN_DOUBT",
                       "the connection to PostgreSQL broke during a statement; look whether the "
                       "change was made before trying again");
    }
    // Only a connection from the pool can be stale; a new one that fails means a server that is
    // down. Before COMMIT nothing has happened, so the callback may run again.
    if (error.status.code() == absl::StatusCode::kUnavailable && lost && reused) continue;
    return error.status;
  }
}

absl::Status PostgresPool::CheckHealth() {
  return Run({.read_only = true}, [](Transaction& txn) -> absl::Status {
    txn.Exec("SELECT 1");
    return absl::OkStatus();
  });
}

int PostgresPool::open_connections() const {
  std::lock_guard lock(state_->mutex);
  return state_->open;
}

}  // namespace tarn

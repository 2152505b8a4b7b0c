// A pool of connections to one PostgreSQL database, and the only way to run SQL.
//
//   StatusOr<Table> table = pool.Run([&](Transaction& txn) -> absl::StatusOr<Table> {
//     Result rows = txn.Exec("SELECT … WHERE name = $1 FOR UPDATE", name);
//     if (rows.empty()) return NotFound("TABLE_NOT_FOUND", …);
//     …
//   });
//
// Run begins, calls, and commits when the callback returns OK, else rolls back and returns the
// callback's error. A serialization failure or deadlock, or a pooled connection that turns out to
// be dead before COMMIT, runs the callback again (up to three times more, with jitter): it must
// have no effect outside the transaction but on variables that it sets anew. A connection lost at
// COMMIT is UNKNOWN and is never retried. Errors are listed in postgres_error.h.
//
// Connections are opened when first needed and replaced when broken. Thread safe; a callback must
// not call the pool again (it would hold two connections and could wait for itself). Outlives
// every call; transactions must have ended when it is destroyed.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "common/postgres/transaction.h"

namespace tarn {

struct PostgresPoolOptions {
  std::string dsn;  // "host=… dbname=…" or "postgresql://…", as libpq takes it
  int max_connections = 8;
  absl::Duration acquire_timeout = absl::Seconds(10);    // waiting for a free connection
  absl::Duration connect_timeout = absl::Seconds(5);     // whole seconds, at least 2
  absl::Duration statement_timeout = absl::Seconds(30);  // each statement; zero means none
  // A transaction whose callback does nothing for this long is ended by the server.
  absl::Duration idle_in_transaction_timeout = absl::Minutes(2);
  std::string application_name = "tarn";
};

enum class Isolation { kReadCommitted, kRepeatableRead, kSerializable };

struct TransactionOptions {
  Isolation isolation = Isolation::kReadCommitted;
  bool read_only = false;
  // Each statement commits by itself, without BEGIN and COMMIT: one round trip for one statement,
  // and statements that refuse to run in a transaction. A connection lost is then UNKNOWN.
  bool autocommit = false;
};

class PostgresPool {
 public:
  explicit PostgresPool(PostgresPoolOptions options);
  ~PostgresPool();
  PostgresPool(const PostgresPool&) = delete;
  PostgresPool& operator=(const PostgresPool&) = delete;

  // `fn` takes a Transaction& and returns absl::Status or absl::StatusOr<T>; so does Run.
  template <typename F>
  std::invoke_result_t<F&, Transaction&> Run(F&& fn) {
    return Run(TransactionOptions{}, std::forward<F>(fn));
  }
  // All statements see one snapshot of the data; writing is refused.
  template <typename F>
  std::invoke_result_t<F&, Transaction&> RunReadOnly(F&& fn) {
    return Run({.isolation = Isolation::kRepeatableRead, .read_only = true}, std::forward<F>(fn));
  }
  template <typename F>
  std::invoke_result_t<F&, Transaction&> RunAutocommit(F&& fn) {
    return Run({.autocommit = true}, std::forward<F>(fn));
  }
  template <typename F>
  std::invoke_result_t<F&, Transaction&> Run(const TransactionOptions& options, F&& fn) {
    using R = std::invoke_result_t<F&, Transaction&>;
    if constexpr (std::is_same_v<R, absl::Status>) {
      return RunStatus(options, fn);
    } else {
      std::optional<R> result;
      absl::Status status = RunStatus(options, [&](Transaction& txn) {
        result.emplace(fn(txn));
        return result->status();
      });
      if (!status.ok()) return status;
      return *std::move(result);
    }
  }

  // A round trip to the server; UNAVAILABLE says what to check. For readiness.
  absl::Status CheckHealth();

  const PostgresPoolOptions& options() const { return options_; }
  // Connections open now, busy or idle.
  int open_connections() const;

 private:
  struct State;

  absl::Status RunStatus(const TransactionOptions& options,
                         const std::function<absl::Status(Transaction&)>& fn);

  const PostgresPoolOptions options_;
  const std::unique_ptr<State> state_;
};

}  // namespace tarn

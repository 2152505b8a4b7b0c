// One transaction on one pooled connection, as PostgresPool::Run hands it to its callback.
//
// Exec and its like throw when the server refuses; PostgresPool::Run catches and maps, so that a
// store reads as a list of statements. Never catch these exceptions: after one the transaction is
// void. A callback returns a Status of its own for a rule that is broken; anything but OK rolls
// back. To expect a conflict write ON CONFLICT, or look at the Status that Run returns.
//
// Owned by the pool, valid inside the callback only, one thread.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/postgres/value.h"

namespace pqxx {
class transaction_base;
}  // namespace pqxx

namespace tarn {

namespace postgres_internal {
struct PooledConnection;
}  // namespace postgres_internal

class Transaction {
 public:
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  // One statement with its parameters as $1, $2….
  template <typename... Args>
  Result Exec(std::string_view sql, const Args&... args) {
    return ExecParams(sql, std::vector<Param>{Param(args)...});
  }
  // The same for a list of parameters made at run time.
  Result ExecParams(std::string_view sql, const std::vector<Param>& params);

  // As Exec; planned once for each connection and then reused. For hot statements whose text is
  // constant: a hundred of them, not one for each value.
  template <typename... Args>
  Result ExecPrepared(std::string_view sql, const Args&... args) {
    return ExecPreparedParams(sql, std::vector<Param>{Param(args)...});
  }
  Result ExecPreparedParams(std::string_view sql, const std::vector<Param>& params);

  // Several statements separated by semicolons, without parameters: migrations.
  Result ExecScript(std::string_view sql);

  // After COMMIT, sends NOTIFY on `channel` without payload; best effort, since a kill in between
  // loses it: listeners poll as well. Not part of the transaction because NOTIFY inside one makes
  // all commits of the server queue up behind a lock.
  void NotifyAfterCommit(std::string channel) { notify_after_commit_ = std::move(channel); }

 private:
  friend class PostgresPool;
  Transaction(pqxx::transaction_base& base, postgres_internal::PooledConnection& connection)
      : base_(base), connection_(connection) {}

  pqxx::transaction_base& base_;
  postgres_internal::PooledConnection& connection_;
  std::string notify_after_commit_;
};

}  // namespace tarn

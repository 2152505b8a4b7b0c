// Leases on the rows of a table: who works on a row, until when, and the how-manieth holder it is.
//
// A table that is leased has the columns kLeaseColumns. Time is PostgreSQL's alone. The epoch grows
// with every claim; whoever writes under a lease proves that its epoch is still the row's, so that
// a holder that was only slow cannot undo what its successor did:
//
//   pool.Run([&](Transaction& txn) -> absl::Status {
//     TARN_RETURN_IF_ERROR(CheckLease(txn, kRuns, lease));   // locks the row until COMMIT
//     txn.Exec("UPDATE …");
//   });
//
// or in one statement: `UPDATE … WHERE … AND lease_epoch = $n`, and LeaseLost(…) when it touched no
// row. A lease whose time is over is still its holder's until another one claims the row.
// Functions run SQL as Transaction::Exec does; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/status.h>
#include <absl/time/time.h>

#include "common/postgres/transaction.h"

namespace tarn {

// For CREATE TABLE.
inline constexpr std::string_view kLeaseColumns =
    "lease_holder text, lease_epoch bigint NOT NULL DEFAULT 0, lease_expires_at timestamptz";

// A leased table. Names go into SQL as they are: constants of the program, never input.
struct LeaseTable {
  std::string table;                     // "transform.runs"
  std::vector<std::string> key_columns;  // its primary key: {"workspace", "run_id"}
};

struct Lease {
  std::vector<std::string> key;  // values of the key columns, as text
  std::string holder;            // "host-pid-3f2a", unique to a process
  int64_t epoch = 0;
  absl::Time expires_at;  // by PostgreSQL's clock
};

// Which free rows ClaimNext may take, and in what order. SQL of the program; parameters are $1….
struct ClaimFilter {
  std::string where = "true";
  std::vector<Param> params;
  std::string order_by;  // "" means any
};

// Takes one row that nobody holds (or whose holder's time is over), skipping rows that others are
// claiming right now. Nothing when there is none.
std::optional<Lease> ClaimNext(Transaction& txn, const LeaseTable& table, std::string_view holder,
                               absl::Duration ttl, const ClaimFilter& filter);

// Takes the row of `key` if it is free; nothing when it is held or does not exist.
std::optional<Lease> Claim(Transaction& txn, const LeaseTable& table,
                           const std::vector<std::string>& key, std::string_view holder,
                           absl::Duration ttl);

// Extends to `ttl` from now and updates lease.expires_at. Errors: ABORTED, LEASE_LOST.
absl::Status Renew(Transaction& txn, const LeaseTable& table, Lease& lease, absl::Duration ttl);

// Gives the row up; the epoch stays. Errors: ABORTED, LEASE_LOST.
absl::Status Release(Transaction& txn, const LeaseTable& table, const Lease& lease);

// OK while the lease is the row's last one; the row then stays locked, so that nobody can claim it
// before this transaction ends. Errors: ABORTED, LEASE_LOST.
absl::Status CheckLease(Transaction& txn, const LeaseTable& table, const Lease& lease);

// The error of a write whose epoch is older than the row's.
absl::Status LeaseLost(const LeaseTable& table, const Lease& lease);

}  // namespace tarn

#include "common/lease/lease.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include "common/status/error.h"

namespace tarn {
namespace {

// Number of milliseconds, for `$n * interval '1 millisecond'`.
int64_t Milliseconds(absl::Duration ttl) { return absl::ToInt64Milliseconds(ttl); }

constexpr char kFree[] = "(l.lease_expires_at IS NULL OR l.lease_expires_at <= clock_timestamp())";

std::string KeyList(const LeaseTable& table, const char* alias) {
  return absl::StrJoin(table.key_columns, ", ", [alias](std::string* out, const std::string& key) {
    absl::StrAppend(out, alias, ".", key);
  });
}

// "l.a = $1 AND l.b = $2", parameters from `first`.
std::string KeyIs(const LeaseTable& table, size_t first) {
  return absl::StrJoin(table.key_columns, " AND ",
                       [&first](std::string* out, const std::string& key) {
                         absl::StrAppend(out, "l.", key, " = $", first++);
                       });
}

std::vector<Param> KeyParams(const std::vector<std::string>& key) {
  return {key.begin(), key.end()};
}

Lease ReadLease(const LeaseTable& table, const Row& row, std::string_view holder) {
  Lease lease;
  for (size_t i = 0; i < table.key_columns.size(); ++i) {
    lease.key.push_back(row.Get<std::string>(static_cast<int>(i)));
  }
  lease.holder = std::string(holder);
  lease.epoch = row.Get<int64_t>("lease_epoch");
  lease.expires_at = row.Get<absl::Time>("lease_expires_at");
  return lease;
}

// Claims one of the free rows that match `where`; holder and time follow `params`.
std::optional<Lease> ClaimWhere(Transaction& txn, const LeaseTable& table, std::string_view holder,
                                absl::Duration ttl, const std::string& where,
                                const std::string& order_by, std::vector<Param> params) {
  const size_t first = params.size() + 1;
  params.push_back(holder);
  params.push_back(Milliseconds(ttl));
  // A CTE that locks is computed once; as a subquery it could be computed again and lock more rows.
  std::string join =
      absl::StrJoin(table.key_columns, " AND ", [](std::string* out, const std::string& key) {
        absl::StrAppend(out, "t.", key, " = next.", key);
      });
  Result claimed = txn.ExecParams(
      absl::StrCat("WITH next AS MATERIALIZED (SELECT ", KeyList(table, "l"), " FROM ", table.table,
                   " l WHERE ", kFree, " AND (", where, ")",
                   order_by.empty() ? "" : absl::StrCat(" ORDER BY ", order_by),
                   " LIMIT 1 FOR UPDATE SKIP LOCKED) UPDATE ", table.table,
                   " t SET lease_holder = $", first, ", lease_epoch = t.lease_epoch + 1, ",
                   "lease_expires_at = clock_timestamp() + $", first + 1,
                   "::bigint * interval '1 millisecond' FROM next WHERE ", join, " RETURNING ",
                   KeyList(table, "t"), ", t.lease_epoch, t.lease_expires_at"),
      params);
  if (claimed.empty()) return std::nullopt;
  return ReadLease(table, claimed.One(), holder);
}

// Parameters: the key, then the epoch.
std::vector<Param> LeaseParams(const Lease& lease) {
  std::vector<Param> params = KeyParams(lease.key);
  params.push_back(lease.epoch);
  return params;
}

std::string LeaseIs(const LeaseTable& table) {
  return absl::StrCat(KeyIs(table, 1), " AND l.lease_epoch = $", table.key_columns.size() + 1,
                      " AND l.lease_holder IS NOT NULL");
}

}  // namespace

std::optional<Lease> ClaimNext(Transaction& txn, const LeaseTable& table, std::string_view holder,
                               absl::Duration ttl, const ClaimFilter& filter) {
  return ClaimWhere(txn, table, holder, ttl, filter.where, filter.order_by, filter.params);
}

std::optional<Lease> Claim(Transaction& txn, const LeaseTable& table,
                           const std::vector<std::string>& key, std::string_view holder,
                           absl::Duration ttl) {
  return ClaimWhere(txn, table, holder, ttl, KeyIs(table, 1), "", KeyParams(key));
}

absl::Status Renew(Transaction& txn, const LeaseTable& table, Lease& lease, absl::Duration ttl) {
  std::vector<Param> params = LeaseParams(lease);
  params.push_back(Milliseconds(ttl));
  Result renewed = txn.ExecParams(
      absl::StrCat("UPDATE ", table.table, " l SET lease_expires_at = clock_timestamp() + $",
                   params.size(), "::bigint * interval '1 millisecond' WHERE ", LeaseIs(table),
                   " RETURNING lease_expires_at"),
      params);
  if (renewed.empty()) return LeaseLost(table, lease);
  lease.expires_at = renewed.One().Get<absl::Time>("lease_expires_at");
  return absl::OkStatus();
}

absl::Status Release(Transaction& txn, const LeaseTable& table, const Lease& lease) {
  Result released = txn.ExecParams(
      absl::StrCat("UPDATE ", table.table,
                   " l SET lease_holder = NULL, lease_expires_at = NULL WHERE ", LeaseIs(table)),
      LeaseParams(lease));
  return released.affected_rows() == 1 ? absl::OkStatus() : LeaseLost(table, lease);
}

absl::Status CheckLease(Transaction& txn, const LeaseTable& table, const Lease& lease) {
  Result held = txn.ExecParams(absl::StrCat("SELECT 1 FROM ", table.table, " l WHERE ",
                                            LeaseIs(table), " FOR NO KEY UPDATE"),
                               LeaseParams(lease));
  return held.empty() ? LeaseLost(table, lease) : absl::OkStatus();
}

absl::Status LeaseLost(const LeaseTable& table, const Lease& lease) {
  std::string key = absl::StrJoin(lease.key, "/");
  return Aborted("LEASE_LOST",
                 absl::StrCat("the lease on ", table.table, " ", key, " (epoch ", lease.epoch,
                              ") was lost: another instance has taken over, stop working on it"),
                 {{"table", table.table}, {"key", key}, {"epoch", std::to_string(lease.epoch)}});
}

}  // namespace tarn

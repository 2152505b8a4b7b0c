// Rules in PostgreSQL. Every function runs in the caller's transaction (see common/postgres).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "tarn/alerting/v1/rule.pb.h"

#include "common/lease/lease.h"
#include "common/postgres/transaction.h"

namespace tarn::alerting {

struct StoredRule {
  std::string workspace;
  std::string id;
  // Another for a rule of the same name that was made after this one was deleted.
  std::string uid;
  v1::Rule rule;  // with name and output fields
};

enum class RowLock { kNone, kForUpdate };

// The lease of a rule's evaluation. Its key is workspace, rule_id, uid.
const LeaseTable& RuleLeases();

// NOT_FOUND, RULE_NOT_FOUND where there is none.
absl::StatusOr<StoredRule> FindRule(Transaction& txn, std::string_view workspace,
                                    std::string_view rule_id, RowLock lock = RowLock::kNone);
// By name, those after `after_id`.
absl::StatusOr<std::vector<v1::Rule>> ListRules(Transaction& txn, std::string_view workspace,
                                                std::string_view after_id, int limit);

// Adds the rule as it is. ALREADY_EXISTS, RULE_ALREADY_EXISTS.
absl::Status InsertRule(Transaction& txn, const StoredRule& rule, absl::Time next_evaluation);
// Writes what the rule says now, and when it is evaluated next if that changes.
absl::Status UpdateRule(Transaction& txn, const StoredRule& rule,
                        std::optional<absl::Time> next_evaluation);
void DeleteRule(Transaction& txn, std::string_view workspace, std::string_view rule_id);

// A due rule that nobody holds, the longest overdue first.
std::optional<Lease> ClaimDueRule(Transaction& txn, std::string_view holder, absl::Duration ttl,
                                  absl::Time now);

// What an evaluation says of its rule; `next_evaluation` leaves it where it is when it is empty.
// Under the lease, which the caller has checked.
void RecordEvaluation(Transaction& txn, const StoredRule& rule, absl::Time time,
                      std::string_view error, std::optional<absl::Time> next_evaluation);

}  // namespace tarn::alerting

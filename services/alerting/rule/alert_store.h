// Alerts and the history of their states in PostgreSQL. Every function runs in the caller's
// transaction.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/statusor.h>

#include "tarn/alerting/v1/rule.pb.h"

#include "common/postgres/transaction.h"
#include "services/alerting/evaluation/alert_state.h"

namespace tarn::alerting {

// The alerts of a rule, as evaluation needs them.
std::vector<Alert> LoadAlerts(Transaction& txn, std::string_view workspace,
                              std::string_view rule_id);

// Writes what an evaluation changed: alerts that are new, touched or to be forgotten, and one
// transition for each change of state.
void SaveSteps(Transaction& txn, std::string_view workspace, std::string_view rule_id,
               const std::vector<AlertStep>& steps, absl::Time now);

// Which page of the alerts: "" for rule_id means all rules, 0 for state any.
struct AlertQuery {
  std::string workspace;
  std::string rule_id;
  int state = 0;
  // The last alert of the page before; its state is 0 on the first page.
  int after_state = 0;
  std::string after_rule;
  std::string after_alert;
  int limit = 100;
};

// Firing before pending before OK, then by rule and id.
std::vector<v1::Alert> ListAlerts(Transaction& txn, const AlertQuery& query);

// Marks a firing alert as looked after; who did so first stays. NOT_FOUND, ALERT_NOT_FOUND;
// FAILED_PRECONDITION, ALERT_NOT_FIRING.
absl::StatusOr<v1::Alert> AcknowledgeAlert(Transaction& txn, std::string_view workspace,
                                           std::string_view rule_id, std::string_view alert_id,
                                           std::string_view user, absl::Time now);

struct ListedTransition {
  int64_t seq = 0;
  v1::AlertTransition transition;
};

// The newest first, those before `before_seq`. "" for rule_id means all rules.
std::vector<ListedTransition> ListTransitions(Transaction& txn, std::string_view workspace,
                                              std::string_view rule_id, int64_t before_seq,
                                              int limit);

}  // namespace tarn::alerting

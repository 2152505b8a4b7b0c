// What users do with rules and alerts. Every method is one transaction.
//
// A rule reads as its owner: who made it, or who last changed its SQL, so that nobody can read with
// another's grants by changing the other's rule.
#pragma once

#include <string>

#include <absl/status/statusor.h>

#include "tarn/alerting/v1/alerting_service.pb.h"

#include "common/auth/caller.h"

namespace tarn {
class Clock;
class PostgresPool;
}  // namespace tarn

namespace tarn::alerting {

// Thread safe. Errors of each method: INVALID_ARGUMENT for a malformed request, RULE_NOT_FOUND,
// CHANNEL_NOT_FOUND, ABORTED with ETAG_MISMATCH, and those of PostgresPool.
class RuleManager {
 public:
  // Both outlive it.
  RuleManager(PostgresPool& pool, Clock& clock) : pool_(pool), clock_(clock) {}

  absl::StatusOr<v1::Rule> Create(const auth::Caller& caller, const v1::CreateRuleRequest& request);
  absl::StatusOr<v1::Rule> Get(const auth::Caller& caller, const v1::GetRuleRequest& request);
  absl::StatusOr<v1::ListRulesResponse> List(const auth::Caller& caller,
                                             const v1::ListRulesRequest& request);
  // An update that changes nothing keeps etag and times.
  absl::StatusOr<v1::Rule> Update(const auth::Caller& caller, const v1::UpdateRuleRequest& request);
  absl::StatusOr<v1::DeleteRuleResponse> Delete(const auth::Caller& caller,
                                                const v1::DeleteRuleRequest& request);

  absl::StatusOr<v1::ListAlertsResponse> ListAlerts(const auth::Caller& caller,
                                                    const v1::ListAlertsRequest& request);
  absl::StatusOr<v1::Alert> Acknowledge(const auth::Caller& caller,
                                        const v1::AcknowledgeAlertRequest& request);
  absl::StatusOr<v1::ListAlertTransitionsResponse> ListTransitions(
      const auth::Caller& caller, const v1::ListAlertTransitionsRequest& request);

 private:
  absl::StatusOr<absl::Time> NextEvaluation(const v1::Rule& rule) const;

  PostgresPool& pool_;
  Clock& clock_;
};

}  // namespace tarn::alerting

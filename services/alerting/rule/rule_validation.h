// The rules for rules: what can be refused without looking at the database. Pure.
#pragma once

#include <string>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "services/alerting/evaluation/alert_state.h"

namespace tarn::alerting {

namespace v1 {
class Condition;
class Rule;
}  // namespace v1

// Checks every field that a user may write; INVALID_ARGUMENT, INVALID_FIELD lists all that is
// wrong.
absl::Status ValidateRule(const v1::Rule& rule);

// The rule's id. INVALID_ARGUMENT where `name` is no `rules/{rule}`.
absl::StatusOr<std::string> RuleIdOf(const std::string& name);

Threshold ThresholdOf(const v1::Condition& condition);

// "info", "warning", "critical"; warning where it is not said.
std::string SeverityName(const v1::Rule& rule);

}  // namespace tarn::alerting

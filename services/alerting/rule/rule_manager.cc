#include "services/alerting/rule/rule_manager.h"

#include <array>
#include <optional>
#include <vector>

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>
#include <google/protobuf/util/message_differencer.h>

#include "common/clock/clock.h"
#include "common/ids/ids.h"
#include "common/names/names.h"
#include "common/page_token/page_token.h"
#include "common/postgres/postgres_pool.h"
#include "common/schedule/cron_schedule.h"
#include "common/status/status_macros.h"
#include "services/alerting/request_key.h"
#include "services/alerting/rule/alert_store.h"
#include "services/alerting/rule/rule_store.h"
#include "services/alerting/rule/rule_validation.h"
#include "services/alerting/stored_spec.h"

namespace tarn::alerting {
namespace {

using google::protobuf::util::MessageDifferencer;

constexpr std::array<std::string_view, 11> kMutableFields = {
    "description", "sql", "default_database", "condition", "label_columns", "severity",
    "schedule",    "for", "channels",         "message",   "paused"};

// The rule's id, or "" for "rules/-", which means all.
absl::StatusOr<std::string> ParentRule(const std::string& parent) {
  if (parent == "rules/-") return std::string();
  return RuleIdOf(parent);
}

}  // namespace

absl::StatusOr<absl::Time> RuleManager::NextEvaluation(const v1::Rule& rule) const {
  TARN_ASSIGN_OR_RETURN(CronSchedule schedule,
                        CronSchedule::Parse(rule.schedule().cron(), rule.schedule().time_zone()));
  return schedule.Next(clock_.Now());
}

absl::StatusOr<v1::Rule> RuleManager::Create(const auth::Caller& caller,
                                             const v1::CreateRuleRequest& request) {
  StoredRule stored{.workspace = caller.workspace, .uid = NewUuid(), .rule = request.rule()};
  v1::Rule& rule = stored.rule;
  TARN_ASSIGN_OR_RETURN(stored.id, RuleIdOf(rule.name()));
  TARN_RETURN_IF_ERROR(names::ValidateId("rule.name", stored.id));
  TARN_RETURN_IF_ERROR(ValidateRule(rule));
  if (rule.severity() == v1::SEVERITY_UNSPECIFIED) rule.set_severity(v1::SEVERITY_WARNING);
  rule.set_owner(caller.user);
  rule.set_etag(NewUuid());
  rule.clear_last_evaluation_time();
  rule.clear_last_error();
  rule.clear_firing_count();
  SetTimestamp(clock_.Now(), rule.mutable_create_time());
  *rule.mutable_update_time() = rule.create_time();
  TARN_ASSIGN_OR_RETURN(absl::Time next, NextEvaluation(rule));
  return pool_.Run([&](Transaction& txn) {
    return idempotency::Once<v1::Rule>(txn, kSchema,
                                       RequestKeyOf(caller, "CreateRule", request.request_id()),
                                       request, [&]() -> absl::StatusOr<v1::Rule> {
                                         TARN_RETURN_IF_ERROR(InsertRule(txn, stored, next));
                                         return rule;
                                       });
  });
}

absl::StatusOr<v1::Rule> RuleManager::Get(const auth::Caller& caller,
                                          const v1::GetRuleRequest& request) {
  TARN_ASSIGN_OR_RETURN(std::string id, RuleIdOf(request.name()));
  return pool_.RunAutocommit([&](Transaction& txn) -> absl::StatusOr<v1::Rule> {
    TARN_ASSIGN_OR_RETURN(StoredRule stored, FindRule(txn, caller.workspace, id));
    return stored.rule;
  });
}

absl::StatusOr<v1::ListRulesResponse> RuleManager::List(const auth::Caller& caller,
                                                        const v1::ListRulesRequest& request) {
  const std::string query = QueryFingerprint({"ListRules", caller.workspace});
  TARN_ASSIGN_OR_RETURN(std::string after, DecodePageToken(query, request.page_token()));
  TARN_ASSIGN_OR_RETURN(int size, PageSize(request.page_size()));
  TARN_ASSIGN_OR_RETURN(std::vector<v1::Rule> rules, pool_.RunAutocommit([&](Transaction& txn) {
    return alerting::ListRules(txn, caller.workspace, after, size + 1);
  }));
  v1::ListRulesResponse response;
  const bool more = rules.size() > static_cast<size_t>(size);
  if (more) rules.resize(static_cast<size_t>(size));
  if (more) {
    TARN_ASSIGN_OR_RETURN(std::string last, RuleIdOf(rules.back().name()));
    response.set_next_page_token(EncodePageToken(query, last));
  }
  for (v1::Rule& rule : rules) *response.add_rules() = std::move(rule);
  return response;
}

absl::StatusOr<v1::Rule> RuleManager::Update(const auth::Caller& caller,
                                             const v1::UpdateRuleRequest& request) {
  TARN_ASSIGN_OR_RETURN(std::string id, RuleIdOf(request.rule().name()));
  return pool_.Run([&](Transaction& txn) {
    return idempotency::Once<v1::Rule>(
        txn, kSchema, RequestKeyOf(caller, "UpdateRule", request.request_id()), request,
        [&]() -> absl::StatusOr<v1::Rule> {
          TARN_ASSIGN_OR_RETURN(StoredRule stored,
                                FindRule(txn, caller.workspace, id, RowLock::kForUpdate));
          v1::Rule& rule = stored.rule;
          const v1::Rule before = rule;
          TARN_RETURN_IF_ERROR(CheckEtag(request.rule().etag(), rule.etag(), rule.name()));
          TARN_RETURN_IF_ERROR(
              ApplyUpdate(request.rule(), request.update_mask(), kMutableFields, &rule));
          TARN_RETURN_IF_ERROR(ValidateRule(rule));
          if (rule.severity() == v1::SEVERITY_UNSPECIFIED) rule.set_severity(v1::SEVERITY_WARNING);
          if (MessageDifferencer::Equals(before, rule)) return rule;

          if (rule.sql() != before.sql() || rule.default_database() != before.default_database()) {
            rule.set_owner(caller.user);
          }
          rule.set_etag(NewUuid());
          SetTimestamp(clock_.Now(), rule.mutable_update_time());
          std::optional<absl::Time> next;
          if (!MessageDifferencer::Equals(before.schedule(), rule.schedule()) ||
              (before.paused() && !rule.paused())) {
            TARN_ASSIGN_OR_RETURN(next, NextEvaluation(rule));
          }
          TARN_RETURN_IF_ERROR(UpdateRule(txn, stored, next));
          return rule;
        });
  });
}

absl::StatusOr<v1::DeleteRuleResponse> RuleManager::Delete(const auth::Caller& caller,
                                                           const v1::DeleteRuleRequest& request) {
  TARN_ASSIGN_OR_RETURN(std::string id, RuleIdOf(request.name()));
  return pool_.Run([&](Transaction& txn) {
    return idempotency::Once<v1::DeleteRuleResponse>(
        txn, kSchema, RequestKeyOf(caller, "DeleteRule", request.request_id()), request,
        [&]() -> absl::StatusOr<v1::DeleteRuleResponse> {
          TARN_ASSIGN_OR_RETURN(StoredRule stored,
                                FindRule(txn, caller.workspace, id, RowLock::kForUpdate));
          TARN_RETURN_IF_ERROR(CheckEtag(request.etag(), stored.rule.etag(), stored.rule.name()));
          DeleteRule(txn, caller.workspace, id);
          return v1::DeleteRuleResponse();
        });
  });
}

absl::StatusOr<v1::ListAlertsResponse> RuleManager::ListAlerts(
    const auth::Caller& caller, const v1::ListAlertsRequest& request) {
  AlertQuery alerts{.workspace = caller.workspace, .state = request.state()};
  TARN_ASSIGN_OR_RETURN(alerts.rule_id, ParentRule(request.parent()));
  const std::string query = QueryFingerprint({"ListAlerts", caller.workspace, request.parent(),
                                              std::to_string(static_cast<int>(request.state()))});
  TARN_ASSIGN_OR_RETURN(std::string after, DecodePageToken(query, request.page_token()));
  TARN_ASSIGN_OR_RETURN(int size, PageSize(request.page_size()));
  if (std::vector<std::string> parts = absl::StrSplit(after, '/'); parts.size() == 3) {
    if (!absl::SimpleAtoi(parts[0], &alerts.after_state)) alerts.after_state = 0;
    alerts.after_rule = parts[1];
    alerts.after_alert = parts[2];
  }
  alerts.limit = size + 1;
  TARN_ASSIGN_OR_RETURN(
      std::vector<v1::Alert> page,
      pool_.RunReadOnly([&](Transaction& txn) -> absl::StatusOr<std::vector<v1::Alert>> {
        if (!alerts.rule_id.empty()) {
          TARN_RETURN_IF_ERROR(FindRule(txn, caller.workspace, alerts.rule_id).status());
        }
        return alerting::ListAlerts(txn, alerts);
      }));
  v1::ListAlertsResponse response;
  if (page.size() > static_cast<size_t>(size)) {
    page.resize(static_cast<size_t>(size));
    TARN_ASSIGN_OR_RETURN(std::vector<std::string> ids,
                          names::Parse("rules/{rule}/alerts/{alert}", page.back().name()));
    response.set_next_page_token(EncodePageToken(
        query, absl::StrCat(static_cast<int>(page.back().state()), "/", ids[0], "/", ids[1])));
  }
  for (v1::Alert& alert : page) *response.add_alerts() = std::move(alert);
  return response;
}

absl::StatusOr<v1::Alert> RuleManager::Acknowledge(const auth::Caller& caller,
                                                   const v1::AcknowledgeAlertRequest& request) {
  TARN_ASSIGN_OR_RETURN(std::vector<std::string> ids,
                        names::Parse("rules/{rule}/alerts/{alert}", request.name()));
  return pool_.Run([&](Transaction& txn) {
    return AcknowledgeAlert(txn, caller.workspace, ids[0], ids[1], caller.user, clock_.Now());
  });
}

absl::StatusOr<v1::ListAlertTransitionsResponse> RuleManager::ListTransitions(
    const auth::Caller& caller, const v1::ListAlertTransitionsRequest& request) {
  TARN_ASSIGN_OR_RETURN(std::string rule_id, ParentRule(request.parent()));
  const std::string query =
      QueryFingerprint({"ListAlertTransitions", caller.workspace, request.parent()});
  TARN_ASSIGN_OR_RETURN(std::string cursor, DecodePageToken(query, request.page_token()));
  TARN_ASSIGN_OR_RETURN(int size, PageSize(request.page_size()));
  int64_t before = 0;
  if (!absl::SimpleAtoi(cursor, &before)) before = INT64_MAX;
  TARN_ASSIGN_OR_RETURN(
      std::vector<ListedTransition> page,
      pool_.RunReadOnly([&](Transaction& txn) -> absl::StatusOr<std::vector<ListedTransition>> {
        if (!rule_id.empty()) {
          TARN_RETURN_IF_ERROR(FindRule(txn, caller.workspace, rule_id).status());
        }
        return alerting::ListTransitions(txn, caller.workspace, rule_id, before, size + 1);
      }));
  v1::ListAlertTransitionsResponse response;
  if (page.size() > static_cast<size_t>(size)) {
    page.resize(static_cast<size_t>(size));
    response.set_next_page_token(EncodePageToken(query, absl::StrCat(page.back().seq)));
  }
  for (ListedTransition& item : page) *response.add_transitions() = std::move(item.transition);
  return response;
}

}  // namespace tarn::alerting

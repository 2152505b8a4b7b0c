#include "services/alerting/rule/alert_store.h"

#include <absl/strings/str_cat.h>
#include <nlohmann/json.hpp>

#include "common/names/names.h"
#include "common/status/error.h"
#include "services/alerting/rule/message_template.h"
#include "services/alerting/stored_spec.h"

namespace tarn::alerting {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kSelect =
    "SELECT a.rule_id, a.alert_id, a.labels, a.state, a.value, a.state_time, a.acknowledged_by, "
    "a.acknowledge_time, a.message, r.spec->>'severity' AS severity FROM alerting.alerts a "
    "JOIN alerting.rules r USING (workspace, rule_id) ";

std::string Select(std::string_view condition) {
  return std::string(kSelect) + std::string(condition);
}

std::string AlertName(std::string_view rule_id, std::string_view alert_id) {
  return names::Format("rules/{rule}/alerts/{alert}", {rule_id, alert_id});
}

Labels LabelsOf(const Row& row) {
  return Json::parse(row.Get<std::string>("labels")).get<Labels>();
}

// Repairs what is not UTF-8, which jsonb would refuse.
std::string Dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

v1::Alert ProtoOf(const Row& row) {
  v1::Alert alert;
  alert.set_name(AlertName(row.Get<std::string>("rule_id"), row.Get<std::string>("alert_id")));
  for (const auto& [name, value] : LabelsOf(row)) (*alert.mutable_labels())[name] = value;
  alert.set_state(static_cast<v1::AlertState>(row.Get<int>("state")));
  alert.set_value(row.Get<double>("value"));
  v1::Severity severity = v1::SEVERITY_WARNING;
  v1::Severity_Parse(row.Get<std::optional<std::string>>("severity").value_or("SEVERITY_WARNING"),
                     &severity);
  alert.set_severity(severity);
  SetTimestamp(row.Get<absl::Time>("state_time"), alert.mutable_state_time());
  alert.set_acknowledged_by(row.Get<std::string>("acknowledged_by"));
  if (auto time = row.Get<std::optional<absl::Time>>("acknowledge_time"); time.has_value()) {
    SetTimestamp(*time, alert.mutable_acknowledge_time());
  }
  alert.set_message(row.Get<std::string>("message"));
  return alert;
}

// Times go as text with microseconds, values as text so that infinity passes.
std::string TimeText(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ", time, absl::UTCTimeZone());
}

Json RowOf(const Alert& alert) {
  Json row = {{"alert_id", alert.id},
              {"labels", alert.labels},
              {"state", static_cast<int>(alert.state)},
              {"value", FormatValue(alert.value)},
              {"state_time", TimeText(alert.state_time)},
              {"ever_raised", alert.ever_raised},
              {"acknowledged_by", alert.acknowledged_by},
              {"message", alert.message}};
  if (alert.acknowledge_time.has_value())
    row["acknowledge_time"] = TimeText(*alert.acknowledge_time);
  return row;
}

}  // namespace

std::vector<Alert> LoadAlerts(Transaction& txn, std::string_view workspace,
                              std::string_view rule_id) {
  std::vector<Alert> alerts;
  // Locked, so that an acknowledgement at the same time is not undone.
  for (Row row : txn.Exec("SELECT * FROM alerting.alerts WHERE workspace = $1 AND rule_id = $2 "
                          "ORDER BY alert_id FOR UPDATE",
                          workspace, rule_id)) {
    alerts.push_back({.id = row.Get<std::string>("alert_id"),
                      .labels = LabelsOf(row),
                      .state = static_cast<AlertState>(row.Get<int>("state")),
                      .value = row.Get<double>("value"),
                      .state_time = row.Get<absl::Time>("state_time"),
                      .ever_raised = row.Get<bool>("ever_raised"),
                      .acknowledged_by = row.Get<std::string>("acknowledged_by"),
                      .acknowledge_time = row.Get<std::optional<absl::Time>>("acknowledge_time"),
                      .message = row.Get<std::string>("message")});
  }
  return alerts;
}

void SaveSteps(Transaction& txn, std::string_view workspace, std::string_view rule_id,
               const std::vector<AlertStep>& steps, absl::Time now) {
  Json written = Json::array();
  Json transitions = Json::array();
  std::vector<std::string> forgotten;
  for (const AlertStep& step : steps) {
    if (step.forget) {
      forgotten.push_back(step.alert.id);
      continue;
    }
    if (step.touched) written.push_back(RowOf(step.alert));
    if (step.changed_state()) {
      Json row = RowOf(step.alert);
      row["from_state"] = static_cast<int>(step.before);
      transitions.push_back(std::move(row));
    }
  }
  if (!written.empty()) {
    txn.Exec(
        "INSERT INTO alerting.alerts (workspace, rule_id, alert_id, labels, state, value, "
        "state_time, ever_raised, acknowledged_by, acknowledge_time, message) "
        "SELECT $1, $2, x.alert_id, x.labels, x.state, x.value::float8, x.state_time, "
        "x.ever_raised, x.acknowledged_by, x.acknowledge_time, x.message "
        "FROM jsonb_to_recordset($3::jsonb) AS x(alert_id text, labels jsonb, state smallint, "
        "value text, state_time timestamptz, ever_raised boolean, acknowledged_by text, "
        "acknowledge_time timestamptz, message text) "
        "ON CONFLICT (workspace, rule_id, alert_id) DO UPDATE SET state = EXCLUDED.state, "
        "value = EXCLUDED.value, state_time = EXCLUDED.state_time, "
        "ever_raised = EXCLUDED.ever_raised, acknowledged_by = EXCLUDED.acknowledged_by, "
        "acknowledge_time = EXCLUDED.acknowledge_time, message = EXCLUDED.message",
        workspace, rule_id, Dump(written));
  }
  if (!transitions.empty()) {
    txn.Exec(
        "INSERT INTO alerting.transitions (workspace, rule_id, alert_id, labels, from_state, "
        "to_state, value, time) "
        "SELECT $1, $2, x.alert_id, x.labels, x.from_state, x.state, x.value::float8, $4 "
        "FROM jsonb_to_recordset($3::jsonb) AS x(alert_id text, labels jsonb, "
        "from_state smallint, state smallint, value text)",
        workspace, rule_id, Dump(transitions), now);
  }
  if (!forgotten.empty()) {
    txn.Exec(
        "DELETE FROM alerting.alerts WHERE workspace = $1 AND rule_id = $2 AND "
        "alert_id = ANY ($3::text[])",
        workspace, rule_id, forgotten);
  }
}

std::vector<v1::Alert> ListAlerts(Transaction& txn, const AlertQuery& query) {
  std::vector<v1::Alert> alerts;
  for (Row row :
       txn.Exec(Select("WHERE a.workspace = $1 AND ($2::text = '' OR a.rule_id = $2::text) AND "
                       "($3::int = 0 OR a.state = $3::int) AND ($4::int = 0 OR "
                       "(-a.state, a.rule_id, a.alert_id) > (-$4::int, $5::text, $6::text)) "
                       "ORDER BY -a.state, a.rule_id, a.alert_id LIMIT $7"),
                query.workspace, query.rule_id, query.state, query.after_state, query.after_rule,
                query.after_alert, query.limit)) {
    alerts.push_back(ProtoOf(row));
  }
  return alerts;
}

absl::StatusOr<v1::Alert> AcknowledgeAlert(Transaction& txn, std::string_view workspace,
                                           std::string_view rule_id, std::string_view alert_id,
                                           std::string_view user, absl::Time now) {
  txn.Exec(
      "UPDATE alerting.alerts SET acknowledged_by = $4, acknowledge_time = $5 WHERE workspace = $1 "
      "AND rule_id = $2 AND alert_id = $3 AND state = 3 AND acknowledged_by = ''",
      workspace, rule_id, alert_id, user, now);
  std::optional<Row> row =
      txn.Exec(Select("WHERE a.workspace = $1 AND a.rule_id = $2 AND a.alert_id = $3"), workspace,
               rule_id, alert_id)
          .First();
  const std::string name = AlertName(rule_id, alert_id);
  if (!row.has_value()) {
    return NotFound("ALERT_NOT_FOUND",
                    "there is no alert " + name + "; ListAlerts shows those that exist",
                    {{"alert", name}});
  }
  v1::Alert alert = ProtoOf(*row);
  if (alert.state() != v1::ALERT_STATE_FIRING) {
    return FailedPrecondition("ALERT_NOT_FIRING",
                              name + " does not fire, so there is nothing to acknowledge",
                              {{"alert", name}});
  }
  return alert;
}

std::vector<ListedTransition> ListTransitions(Transaction& txn, std::string_view workspace,
                                              std::string_view rule_id, int64_t before_seq,
                                              int limit) {
  std::vector<ListedTransition> listed;
  // Two statements rather than an OR, so that each has its index.
  const std::string condition = rule_id.empty() ? "$2 = ''" : "rule_id = $2";
  for (Row row : txn.Exec("SELECT * FROM alerting.transitions WHERE workspace = $1 AND " +
                              condition + " AND seq < $3 ORDER BY seq DESC LIMIT $4",
                          workspace, rule_id, before_seq, limit)) {
    ListedTransition item{.seq = row.Get<int64_t>("seq")};
    v1::AlertTransition& transition = item.transition;
    transition.set_alert(
        AlertName(row.Get<std::string>("rule_id"), row.Get<std::string>("alert_id")));
    transition.set_from_state(static_cast<v1::AlertState>(row.Get<int>("from_state")));
    transition.set_to_state(static_cast<v1::AlertState>(row.Get<int>("to_state")));
    transition.set_value(row.Get<double>("value"));
    SetTimestamp(row.Get<absl::Time>("time"), transition.mutable_time());
    for (const auto& [name, value] : LabelsOf(row)) (*transition.mutable_labels())[name] = value;
    listed.push_back(std::move(item));
  }
  return listed;
}

}  // namespace tarn::alerting

#include "services/alerting/rule/rule_validation.h"

#include <cmath>
#include <set>
#include <vector>

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

#include "tarn/alerting/v1/rule.pb.h"

#include "common/names/names.h"
#include "common/schedule/cron_schedule.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/alerting/channel/channel_validation.h"
#include "services/alerting/rule/message_template.h"
#include "services/alerting/stored_spec.h"

namespace tarn::alerting {
namespace {

constexpr size_t kMaxSqlBytes = 1024 * 1024;
constexpr size_t kMaxTextBytes = 16 * 1024;
constexpr int kMaxChannels = 20;
constexpr int kMaxLabelColumns = 50;
constexpr absl::Duration kMaxHold = absl::Hours(24 * 30);

using Violations = std::vector<FieldViolation>;

std::string MessageOf(const absl::Status& status) {
  return std::string(status.message().data(), status.message().size());
}

// The statement without the blanks, comments and parentheses before its first word.
absl::string_view FromFirstWord(absl::string_view sql) {
  for (;;) {
    sql = absl::StripLeadingAsciiWhitespace(sql);
    if (absl::StartsWith(sql, "--")) {
      size_t end = sql.find('\n');
      sql = end == absl::string_view::npos ? "" : sql.substr(end + 1);
    } else if (absl::StartsWith(sql, "/*")) {
      size_t end = sql.find("*/");
      sql = end == absl::string_view::npos ? "" : sql.substr(end + 2);
    } else if (absl::StartsWith(sql, "(")) {
      sql.remove_prefix(1);
    } else {
      return sql;
    }
  }
}

void CheckSql(const std::string& sql, Violations* violations) {
  absl::string_view statement = FromFirstWord(sql);
  if (statement.empty()) {
    violations->push_back({"rule.sql", "is required; write a SELECT"});
    return;
  }
  if (sql.size() > kMaxSqlBytes) violations->push_back({"rule.sql", "is longer than 1 MiB"});
  for (absl::string_view word : {"select", "with", "from", "values"}) {
    if (absl::StartsWithIgnoreCase(statement, word)) return;
  }
  violations->push_back({"rule.sql", "must be a SELECT: a rule reads, it does not write"});
}

void CheckCondition(const v1::Condition& condition, Violations* violations) {
  if (condition.column().empty()) {
    violations->push_back({"rule.condition.column", "is required"});
  }
  if (!v1::ComparisonOperator_IsValid(condition.operator_()) ||
      condition.operator_() == v1::COMPARISON_OPERATOR_UNSPECIFIED) {
    violations->push_back(
        {"rule.condition.operator", "is required, as COMPARISON_OPERATOR_GREATER"});
  }
  if (!condition.has_threshold()) {
    violations->push_back({"rule.condition.threshold", "is required, also when it is 0"});
  } else if (!std::isfinite(condition.threshold())) {
    violations->push_back({"rule.condition.threshold", "must be a finite number"});
  }
}

void CheckLabelColumns(const v1::Rule& rule, Violations* violations) {
  if (rule.label_columns_size() > kMaxLabelColumns) {
    violations->push_back({"rule.label_columns", absl::StrCat("at most ", kMaxLabelColumns)});
  }
  std::set<std::string> seen;
  for (int i = 0; i < rule.label_columns_size(); ++i) {
    const std::string& column = rule.label_columns(i);
    const std::string field = absl::StrCat("rule.label_columns[", i, "]");
    if (column.empty()) violations->push_back({field, "must not be empty"});
    if (!seen.insert(column).second) violations->push_back({field, "is there twice"});
    if (column == rule.condition().column()) {
      violations->push_back({field, "is the condition's column, whose value changes"});
    }
  }
}

void CheckChannels(const v1::Rule& rule, Violations* violations) {
  if (rule.channels_size() > kMaxChannels) {
    violations->push_back({"rule.channels", absl::StrCat("at most ", kMaxChannels)});
  }
  std::set<std::string> seen;
  for (int i = 0; i < rule.channels_size(); ++i) {
    const std::string field = absl::StrCat("rule.channels[", i, "]");
    absl::StatusOr<std::string> id = ChannelIdOf(rule.channels(i));
    if (!id.ok()) violations->push_back({field, MessageOf(id.status())});
    if (!seen.insert(rule.channels(i)).second) violations->push_back({field, "is there twice"});
  }
}

void CheckMessage(const v1::Rule& rule, Violations* violations) {
  if (rule.message().size() > kMaxTextBytes) {
    violations->push_back({"rule.message", "is longer than 16 KiB"});
    return;
  }
  absl::StatusOr<MessageTemplate> parsed = MessageTemplate::Parse(rule.message());
  absl::Status status = parsed.status();
  // Without label columns the names are known when the SQL runs; evaluation checks them then.
  if (status.ok() && rule.label_columns_size() > 0) {
    status = parsed->CheckNames({rule.label_columns().begin(), rule.label_columns().end()});
  }
  if (!status.ok()) violations->push_back({"rule.message", MessageOf(status)});
}

}  // namespace

absl::Status ValidateRule(const v1::Rule& rule) {
  Violations violations;
  CheckSql(rule.sql(), &violations);
  if (!rule.default_database().empty()) {
    absl::Status status = names::ValidateSqlId("rule.default_database", rule.default_database());
    if (!status.ok()) violations.push_back({"rule.default_database", MessageOf(status)});
  }
  if (rule.description().size() > kMaxTextBytes) {
    violations.push_back({"rule.description", "is longer than 16 KiB"});
  }
  CheckCondition(rule.condition(), &violations);
  CheckLabelColumns(rule, &violations);
  if (!v1::Severity_IsValid(rule.severity())) {
    violations.push_back({"rule.severity", "is not one of the known severities"});
  }
  if (rule.schedule().cron().empty()) {
    violations.push_back({"rule.schedule.cron", "is required, as \"@every 30s\" or \"0 6 * * *\""});
  } else if (auto schedule =
                 CronSchedule::Parse(rule.schedule().cron(), rule.schedule().time_zone());
             !schedule.ok()) {
    const bool zone = ErrorReason(schedule.status()) == "INVALID_TIME_ZONE";
    violations.push_back(
        {zone ? "rule.schedule.time_zone" : "rule.schedule.cron", MessageOf(schedule.status())});
  }
  const absl::Duration hold = DurationOf(rule.for_());
  if (hold < absl::ZeroDuration() || hold > kMaxHold) {
    violations.push_back({"rule.for", "must be 0s to 30 days"});
  }
  CheckChannels(rule, &violations);
  CheckMessage(rule, &violations);
  if (violations.empty()) return absl::OkStatus();
  return InvalidFields(std::move(violations));
}

absl::StatusOr<std::string> RuleIdOf(const std::string& name) {
  TARN_ASSIGN_OR_RETURN(std::vector<std::string> ids, names::Parse("rules/{rule}", name));
  return ids[0];
}

Threshold ThresholdOf(const v1::Condition& condition) {
  return {static_cast<Comparison>(condition.operator_()), condition.threshold()};
}

std::string SeverityName(const v1::Rule& rule) {
  switch (rule.severity()) {
    case v1::SEVERITY_INFO:
      return "info";
    case v1::SEVERITY_CRITICAL:
      return "critical";
    default:
      return "warning";
  }
}

}  // namespace tarn::alerting

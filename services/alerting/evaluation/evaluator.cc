#include "services/alerting/evaluation/evaluator.h"

#include <algorithm>
#include <optional>
#include <thread>
#include <utility>

#include <absl/time/clock.h>
#include <nlohmann/json.hpp>

#include "common/clock/clock.h"
#include "common/events/event.h"
#include "common/failpoint/failpoint.h"
#include "common/ids/ids.h"
#include "common/lease/lease_keeper.h"
#include "common/names/names.h"
#include "common/postgres/postgres_pool.h"
#include "common/schedule/cron_schedule.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/alerting/alerting_metrics.h"
#include "services/alerting/channel/channel_validation.h"
#include "services/alerting/delivery/delivery_store.h"
#include "services/alerting/delivery/notification_body.h"
#include "services/alerting/rule/alert_store.h"
#include "services/alerting/rule/message_template.h"
#include "services/alerting/rule/rule_validation.h"
#include "services/alerting/stored_spec.h"

namespace tarn::alerting {
namespace {

// After an outage of query or dashboard a rule is tried again so soon, whatever its schedule.
constexpr absl::Duration kRetryAfterOutage = absl::Seconds(5);
// Between two looks at a rule that another evaluation holds.
constexpr absl::Duration kBusyPause = absl::Milliseconds(50);
constexpr absl::Duration kLongestBusyWait = absl::Seconds(90);

using Json = nlohmann::json;

// The next time of the rule's schedule. One that was missed, however often, was made up for now.
absl::Time NextEvaluation(const StoredRule& stored, const absl::Status& status, absl::Time now) {
  const common::v1::Schedule& schedule = stored.rule.schedule();
  absl::StatusOr<CronSchedule> cron = CronSchedule::Parse(schedule.cron(), schedule.time_zone());
  // It was valid when it was stored; a zone may have gone from the system since.
  absl::Time next = cron.ok() ? cron->Next(now) : now + absl::Hours(1);
  if (status.code() == absl::StatusCode::kUnavailable) {
    next = std::min(next, now + kRetryAfterOutage);
  }
  return next;
}

// A change that somebody is told of: into FIRING, or out of it.
bool IsTold(const AlertStep& step) {
  return step.changed_state() &&
         (step.alert.state == AlertState::kFiring || step.before == AlertState::kFiring);
}

const char* StateName(AlertState state) {
  switch (state) {
    case AlertState::kOk:
      return "ok";
    case AlertState::kPending:
      return "pending";
    case AlertState::kFiring:
      return "firing";
  }
  return "ok";
}

absl::Status Tell(Transaction& txn, const StoredRule& stored, const AlertStep& step,
                  absl::Time now) {
  const bool firing = step.alert.state == AlertState::kFiring;
  const NotificationFacts facts{
      .kind = "alert",
      .rule = stored.rule.name(),
      .state = firing ? "firing" : "resolved",
      .severity = SeverityName(stored.rule),
      .labels = step.alert.labels,
      .value = step.alert.value,
      .subject = names::Format("rules/{rule}/alerts/{alert}", {stored.id, step.alert.id})};
  const std::string payload = PayloadJson(facts);
  Json data = Json::parse(payload);
  data["alert"] = facts.subject;
  data["message"] = step.alert.message;
  TARN_RETURN_IF_ERROR(events::Append(
      txn, {.workspace = stored.workspace,
            .type = firing ? "tarn.alerting.alert.firing" : "tarn.alerting.alert.resolved",
            .source = "alerting",
            .subject = stored.rule.name(),
            .data = data.dump(-1, ' ', false, Json::error_handler_t::replace)}));
  for (const std::string& channel : stored.rule.channels()) {
    TARN_ASSIGN_OR_RETURN(std::string channel_id, ChannelIdOf(channel));
    InsertDelivery(txn, {.workspace = stored.workspace,
                         .channel_id = channel_id,
                         .id = NewUuid(),
                         .subject = facts.subject,
                         .message = step.alert.message,
                         .payload = payload,
                         .create_time = now});
  }
  return absl::OkStatus();
}

void SetError(const absl::Status& status, v1::Evaluation* evaluation) {
  evaluation->set_state(common::v1::EXECUTION_STATE_FAILED);
  common::v1::ExecutionError* error = evaluation->mutable_error();
  error->set_code(static_cast<int>(status.code()));
  error->set_reason(ErrorReason(status));
  error->set_message(std::string(status.message()));
  for (const auto& [key, value] : ErrorMetadataOf(status))
    (*error->mutable_metadata())[key] = value;
}

}  // namespace

Evaluator::Evaluator(PostgresPool& pool, Clock& clock, QueryRunner& queries,
                     AlertingMetrics& metrics, Options options, std::function<void()> on_deliveries)
    : pool_(pool),
      clock_(clock),
      queries_(queries),
      metrics_(metrics),
      options_(std::move(options)),
      on_deliveries_(std::move(on_deliveries)) {}

absl::StatusOr<bool> Evaluator::EvaluateNext() {
  TARN_ASSIGN_OR_RETURN(std::optional<Claimed> claimed,
                        pool_.Run([&](Transaction& txn) -> absl::StatusOr<std::optional<Claimed>> {
                          std::optional<Lease> lease =
                              ClaimDueRule(txn, options_.holder, options_.lease_time, clock_.Now());
                          if (!lease.has_value()) return std::nullopt;
                          TARN_ASSIGN_OR_RETURN(StoredRule rule,
                                                FindRule(txn, lease->key[0], lease->key[1]));
                          return Claimed{*std::move(lease), std::move(rule)};
                        }));
  if (!claimed.has_value()) return false;
  absl::StatusOr<v1::Evaluation> evaluation = Evaluate(*claimed, true);
  // Lost, changed or deleted meanwhile: whoever holds it now sees to it.
  if (evaluation.status().code() == absl::StatusCode::kAborted) return true;
  TARN_RETURN_IF_ERROR(evaluation.status());
  return true;
}

absl::StatusOr<v1::Evaluation> Evaluator::EvaluateNow(const std::string& workspace,
                                                      const std::string& rule_id,
                                                      const std::function<bool()>& give_up) {
  const absl::Time deadline = absl::Now() + kLongestBusyWait;
  for (;;) {
    TARN_ASSIGN_OR_RETURN(
        std::optional<Claimed> claimed,
        pool_.Run([&](Transaction& txn) -> absl::StatusOr<std::optional<Claimed>> {
          TARN_ASSIGN_OR_RETURN(StoredRule rule, FindRule(txn, workspace, rule_id));
          std::optional<Lease> lease = Claim(txn, RuleLeases(), {workspace, rule_id, rule.uid},
                                             options_.holder, options_.lease_time);
          if (!lease.has_value()) return std::nullopt;
          return Claimed{*std::move(lease), std::move(rule)};
        }));
    if (claimed.has_value()) return Evaluate(*claimed, false);
    if (give_up() || absl::Now() >= deadline) {
      return Aborted("RULE_BUSY", "rules/" + rule_id + " is being evaluated; try again in a moment",
                     {{"rule", "rules/" + rule_id}});
    }
    absl::SleepFor(kBusyPause);
  }
}

absl::StatusOr<v1::Evaluation> Evaluator::Evaluate(const Claimed& claimed, bool scheduled) {
  TARN_FAILPOINT("alerting.evaluation.after_claim");
  const absl::Time begin = absl::Now();
  QueryCancellation cancellation;
  {
    std::lock_guard lock(mutex_);
    running_.insert(&cancellation);
    if (cancelled_) cancellation.Cancel();
  }
  Found found{.time = clock_.Now()};
  {
    LeaseKeeper keeper(pool_, RuleLeases(), claimed.lease, options_.lease_time,
                       [&cancellation] { cancellation.Cancel(); });
    absl::StatusOr<std::vector<Observation>> observations = Observe(claimed.rule, cancellation);
    found.status = observations.status();
    if (observations.ok()) found.observations = *std::move(observations);
  }
  bool stopping;
  {
    std::lock_guard lock(mutex_);
    running_.erase(&cancellation);
    stopping = cancelled_;
  }
  if (stopping && found.status.code() == absl::StatusCode::kCancelled) {
    GiveBack(claimed.lease);
    return Aborted("EVALUATION_STOPPED", "alerting is stopping; the rule is evaluated later");
  }
  TARN_FAILPOINT("alerting.evaluation.before_commit");
  absl::StatusOr<v1::Evaluation> evaluation = Apply(claimed, found, scheduled);
  if (evaluation.ok()) Count(*evaluation);
  metrics_.evaluation_seconds.Observe(absl::ToDoubleSeconds(absl::Now() - begin));
  return evaluation;
}

absl::StatusOr<std::vector<Observation>> Evaluator::Observe(const StoredRule& stored,
                                                            QueryCancellation& cancellation) {
  const v1::Rule& rule = stored.rule;
  absl::StatusOr<ResultTable> table = queries_.Run({.workspace = stored.workspace,
                                                    .owner = rule.owner(),
                                                    .sql = rule.sql(),
                                                    .default_database = rule.default_database(),
                                                    .source = rule.name()},
                                                   cancellation);
  TARN_RETURN_IF_ERROR(table.status());
  TARN_ASSIGN_OR_RETURN(std::vector<std::string> labels,
                        LabelColumns(*table, rule.condition().column(),
                                     {rule.label_columns().begin(), rule.label_columns().end()}));
  TARN_ASSIGN_OR_RETURN(MessageTemplate message, MessageTemplate::Parse(rule.message()));
  TARN_RETURN_IF_ERROR(message.CheckNames(labels));
  return ObservationsOf(*table, rule.condition().column(), labels);
}

absl::StatusOr<v1::Evaluation> Evaluator::Apply(const Claimed& claimed, const Found& found,
                                                bool scheduled) {
  const StoredRule& stored = claimed.rule;
  std::vector<AlertStep> steps;
  TARN_ASSIGN_OR_RETURN(
      v1::Evaluation evaluation, pool_.Run([&](Transaction& txn) -> absl::StatusOr<v1::Evaluation> {
        steps.clear();
        v1::Evaluation result;
        TARN_RETURN_IF_ERROR(CheckLease(txn, RuleLeases(), claimed.lease));
        TARN_ASSIGN_OR_RETURN(StoredRule now, FindRule(txn, stored.workspace, stored.id));
        if (now.rule.etag() != stored.rule.etag()) {
          // Committed, so that the rule is free at once; the result is not of this rule.
          TARN_RETURN_IF_ERROR(Release(txn, RuleLeases(), claimed.lease));
          return result;
        }
        if (found.status.ok()) {
          TARN_ASSIGN_OR_RETURN(MessageTemplate message,
                                MessageTemplate::Parse(stored.rule.message()));
          const Threshold threshold = ThresholdOf(stored.rule.condition());
          steps =
              Advance(stored.workspace, stored.id, LoadAlerts(txn, stored.workspace, stored.id),
                      found.observations, threshold, DurationOf(stored.rule.for_()), found.time);
          for (AlertStep& step : steps) {
            if (!IsTold(step)) continue;
            step.alert.message = message.Render({.rule = stored.id,
                                                 .severity = SeverityName(stored.rule),
                                                 .firing = step.alert.state == AlertState::kFiring,
                                                 .labels = step.alert.labels,
                                                 .value = step.alert.value,
                                                 .threshold = threshold});
          }
          SaveSteps(txn, stored.workspace, stored.id, steps, found.time);
          for (const AlertStep& step : steps) {
            if (IsTold(step)) TARN_RETURN_IF_ERROR(Tell(txn, stored, step, found.time));
          }
          result.set_state(common::v1::EXECUTION_STATE_SUCCEEDED);
          result.set_row_count(static_cast<int64_t>(found.observations.size()));
        } else {
          SetError(found.status, &result);
        }
        std::optional<absl::Time> next;
        if (scheduled) next = NextEvaluation(stored, found.status, clock_.Now());
        RecordEvaluation(txn, stored, found.time, result.error().message(), next);
        for (v1::Alert& alert : ListAlerts(
                 txn, {.workspace = stored.workspace, .rule_id = stored.id, .limit = 10'000})) {
          *result.add_alerts() = std::move(alert);
        }
        TARN_RETURN_IF_ERROR(Release(txn, RuleLeases(), claimed.lease));
        TARN_RETURN_IF_FAILPOINT("alerting.evaluation.in_commit");
        return result;
      }));
  if (evaluation.state() == common::v1::EXECUTION_STATE_UNSPECIFIED) {
    return Aborted("RULE_CHANGED",
                   stored.rule.name() + " was changed while it was evaluated; try again",
                   {{"rule", stored.rule.name()}});
  }
  bool told = false;
  for (const AlertStep& step : steps) {
    if (step.changed_state()) metrics_.transitions.With({StateName(step.alert.state)}).Increment();
    told = told || IsTold(step);
  }
  if (told && on_deliveries_) on_deliveries_();
  return evaluation;
}

void Evaluator::GiveBack(const Lease& lease) {
  // Best effort: it is free when the lease is over in any case.
  pool_.Run([&](Transaction& txn) { return Release(txn, RuleLeases(), lease); }).IgnoreError();
}

void Evaluator::Count(const v1::Evaluation& evaluation) {
  const char* result = "succeeded";
  if (evaluation.has_error()) {
    result = evaluation.error().code() == static_cast<int>(absl::StatusCode::kUnavailable)
                 ? "unavailable"
                 : "failed";
  }
  metrics_.evaluations.With({result}).Increment();
}

void Evaluator::Cancel() {
  std::lock_guard lock(mutex_);
  cancelled_ = true;
  for (QueryCancellation* cancellation : running_) cancellation->Cancel();
}

}  // namespace tarn::alerting

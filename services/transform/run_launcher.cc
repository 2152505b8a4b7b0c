#include "services/transform/run_launcher.h"

#include "common/clock/clock.h"
#include "common/events/event_subscriber.h"
#include "common/failpoint/failpoint.h"
#include "common/logging/logging.h"
#include "common/postgres/postgres_pool.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/transform/firing_store.h"
#include "services/transform/pipeline_manager.h"
#include "services/transform/pipeline_store.h"
#include "services/transform/run_changes.h"
#include "services/transform/run_factory.h"
#include "services/transform/run_store.h"
#include "services/transform/transform_metrics.h"
#include "services/transform/trigger_rules.h"

namespace tarn::transform {

RunLauncher::RunLauncher(PostgresPool& pool, Clock& clock, RunChanges& changes,
                         TransformMetrics& metrics, RunLauncherOptions options)
    : pool_(pool),
      clock_(clock),
      changes_(changes),
      metrics_(metrics),
      poll_interval_(options.poll_interval),
      retention_(pool, clock, metrics, options.run_retention),
      subscriber_(std::make_unique<events::EventSubscriber>(
          pool,
          events::SubscriberOptions{
              .name = "transform.triggers",
              // At the very first start there is no pipeline that an old event could run; beginning
              // with the latest one could miss the first event after the first pipeline.
              .begin = events::SubscriberOptions::Begin::kEarliest,
              .on_error =
                  [](const absl::Status& status, const events::Event* event) {
                    logging::Warn("transform", "cannot handle events; tried again until it works",
                                  status, {{"event", event == nullptr ? "" : event->id}});
                  }},
          [this](Transaction& txn, const events::Event& event) { return OnEvent(txn, event); })) {}

RunLauncher::~RunLauncher() { Stop(); }

void RunLauncher::Start() {
  subscriber_->Start();
  thread_ = std::thread([this] { Loop(); });
}

void RunLauncher::Stop() {
  stopping_ = true;
  changes_.Notify();
  subscriber_->Stop();
  if (thread_.joinable()) thread_.join();
}

void RunLauncher::Loop() {
  bool failing = false;
  while (!stopping_) {
    const uint64_t seen = changes_.count();
    const absl::Status status = RunOnce();
    if (!status.ok() && !failing) {
      logging::Warn("transform",
                    "cannot start runs by schedule and event; tried again until it works", status);
    }
    failing = !status.ok();
    changes_.Wait(seen, failing ? 2 * poll_interval_ : poll_interval_);
  }
}

absl::Status RunLauncher::RunOnce() {
  for (bool more = true; more && !stopping_;) {
    TARN_ASSIGN_OR_RETURN(more, FireNextSchedule());
  }
  for (bool more = true; more && !stopping_;) {
    TARN_ASSIGN_OR_RETURN(more, DecideNextFiring());
  }
  // One batch a turn: schedules do not wait for a long history to go.
  TARN_ASSIGN_OR_RETURN(const bool more, retention_.PurgeSome());
  if (more) changes_.Notify();
  return absl::OkStatus();
}

absl::StatusOr<bool> RunLauncher::FireNextSchedule() {
  const absl::Time now = clock_.Now();
  bool started = false;
  TARN_ASSIGN_OR_RETURN(bool fired, pool_.Run([&](Transaction& txn) -> absl::StatusOr<bool> {
    started = false;
    std::optional<StoredPipeline> pipeline = pipeline_store::LockNextDue(txn, now);
    if (!pipeline.has_value()) return false;
    absl::StatusOr<RunRecord> run = NewRun(*pipeline, {}, "schedule", now);
    if (!run.ok()) {
      logging::Error("transform", "a schedule cannot start its pipeline", run.status(),
                     {{"pipeline", pipeline->id}});
    } else if (!run_store::LockQueuedLike(txn, *run)) {
      run_store::Insert(txn, *run);
      started = true;
    }
    pipeline_store::SetNextRun(txn, pipeline->workspace, pipeline->id,
                               NextRunTime(pipeline->spec, now));
    TARN_RETURN_IF_FAILPOINT("transform.schedule.before_commit");
    return true;
  }));
  if (fired) metrics_.schedules_fired.Increment();
  if (started) changes_.Notify();
  return fired;
}

absl::Status RunLauncher::OnEvent(Transaction& txn, const events::Event& event) {
  for (const StoredPipeline& pipeline :
       pipeline_store::ListByTrigger(txn, event.workspace, event.type)) {
    const v1::EventTrigger* trigger = FindTrigger(pipeline.spec, event);
    if (trigger == nullptr) continue;
    firing_store::Insert(
        txn,
        {.workspace = event.workspace,
         .pipeline_id = pipeline.id,
         .event_id = event.id,
         .trigger = TriggerText(event),
         .parameters = {trigger->parameters().begin(), trigger->parameters().end()},
         .causes = CausesOf(event)},
        clock_.Now());
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> RunLauncher::DecideNextFiring() {
  std::string_view outcome;
  TARN_ASSIGN_OR_RETURN(bool decided, pool_.Run([&](Transaction& txn) -> absl::StatusOr<bool> {
    std::optional<firing_store::Firing> firing = firing_store::TakeNext(txn);
    if (!firing.has_value()) return false;
    outcome = "own";
    if (firing->own) return true;
    outcome = "dropped";
    std::optional<StoredPipeline> pipeline = pipeline_store::Find(
        txn, firing->workspace, firing->pipeline_id, pipeline_store::Lock::kForUpdate);
    if (!pipeline.has_value() || pipeline->spec.paused()) return true;
    absl::StatusOr<RunRecord> run =
        NewRun(*pipeline, firing->parameters, firing->trigger, clock_.Now());
    if (!run.ok()) {
      logging::Warn("transform", "an event cannot start a pipeline that has changed since",
                    run.status(), {{"pipeline", pipeline->id}});
      return true;
    }
    outcome = "joined";
    if (run_store::LockQueuedLike(txn, *run)) return true;
    outcome = "run";
    run_store::Insert(txn, *run);
    return true;
  }));
  if (decided) metrics_.events_matched.With({outcome}).Increment();
  if (decided && outcome == "run") changes_.Notify();
  return decided;
}

}  // namespace tarn::transform

#include "services/transform/run_executor.h"

#include <algorithm>

#include <absl/strings/str_cat.h>

#include "common/clock/clock.h"
#include "common/failpoint/failpoint.h"
#include "common/lease/lease_keeper.h"
#include "common/logging/logging.h"
#include "common/postgres/postgres_pool.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/transform/run_changes.h"
#include "services/transform/run_store.h"
#include "services/transform/step_graph.h"
#include "services/transform/transform_metrics.h"

namespace tarn::transform {
namespace {

using Mode = RunControl::Mode;
constexpr absl::Duration kMaxPostgresBackoff = absl::Seconds(2);

// Errors of PostgreSQL after which the same write may be tried again; all of ours may be repeated.
bool MayRepeat(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kUnknown:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kResourceExhausted:
      return true;
    case absl::StatusCode::kAborted:
      return ErrorReason(status) != "LEASE_LOST";
    default:
      return false;
  }
}

std::string TriggerKind(const std::string& trigger) { return trigger.substr(0, trigger.find('/')); }

}  // namespace

RunExecutor::RunExecutor(RunExecutorTools tools, RunExecutorOptions options, Lease lease)
    : tools_(tools),
      options_(options),
      lease_(std::move(lease)),
      steps_(
          tools.actions, tools.clock, control_,
          [this](const StepRecord& step) { return SaveStep(step); }, options.steps) {}

RunExecutor::~RunExecutor() { JoinSteps(); }

void RunExecutor::Abandon() {
  control_.Abandon();
  tools_.changes.Notify();
}

void RunExecutor::Execute() {
  LeaseKeeper keeper(tools_.pool, run_store::Leases(), lease_, options_.lease_ttl,
                     [this] { Abandon(); });
  const absl::Status status = ExecuteHeld();
  if (status.ok()) return;
  const bool ours = control_.mode() == Mode::kAbandon && !keeper.lost();
  control_.Abandon();
  JoinSteps();
  if (ours) {
    // The process stops in good order: others need not wait for the lease's end.
    tools_.pool.Run([&](Transaction& txn) { return Release(txn, run_store::Leases(), lease_); })
        .IgnoreError();
  } else {
    logging::Warn("transform", "left a run to whoever claims it next", status,
                  {{"run", lease_.key[1]}});
  }
}

absl::Status RunExecutor::ExecuteHeld() {
  TARN_RETURN_IF_ERROR(Load());
  for (;;) {
    const uint64_t seen = tools_.changes.count();
    TARN_RETURN_IF_ERROR(TakeFinished());
    if (control_.mode() == Mode::kAbandon) return Aborted("RUN_ABANDONED", "the process stops");
    TARN_RETURN_IF_ERROR(CheckStop());
    TARN_RETURN_IF_ERROR(Advance());
    if (std::all_of(run_.steps.begin(), run_.steps.end(),
                    [](const StepRecord& step) { return IsTerminal(step.state); })) {
      return FinishRun();
    }
    tools_.changes.Wait(seen, Pause());
  }
}

absl::Status RunExecutor::Load() {
  return Persist([&](Transaction& txn) -> absl::Status {
    std::optional<RunRecord> run = run_store::Find(txn, lease_.key[0], "", lease_.key[1]);
    if (!run.has_value()) return NotFound("RUN_NOT_FOUND", "the run is gone");
    run_ = *std::move(run);
    return absl::OkStatus();
  });
}

absl::Status RunExecutor::CheckStop() {
  if (control_.mode() != Mode::kGoOn) return absl::OkStatus();
  bool requested = false;
  TARN_RETURN_IF_ERROR(Persist([&](Transaction& txn) -> absl::Status {
    TARN_ASSIGN_OR_RETURN(requested, run_store::StopRequested(txn, lease_));
    return absl::OkStatus();
  }));
  if (requested) {
    run_.stop_requested = true;
    control_.Stop();
  }
  return absl::OkStatus();
}

absl::Status RunExecutor::Advance() {
  std::map<std::string, ExecutionState> states;
  for (const StepRecord& step : run_.steps) states[step.id] = step.state;
  // In the order of the DAG: what ends here is seen by the steps after it.
  for (StepRecord& step : run_.steps) {
    if (IsTerminal(step.state) || running_.count(step.id) > 0) continue;
    // A step that was begun elsewhere is taken up whatever else happened.
    if (step.state == ExecutionState::kRunning) {
      if (static_cast<int>(running_.size()) < options_.max_parallel_steps) Begin(step);
      continue;
    }
    if (control_.mode() == Mode::kStop) {
      TARN_RETURN_IF_ERROR(EndStep(step, {.code = absl::StatusCode::kCancelled,
                                          .reason = "RUN_STOPPED",
                                          .message = "the run was stopped before the step began"}));
      states[step.id] = step.state;
      continue;
    }
    const v1::Step& spec = run_.StepSpec(step.id);
    bool all_ended = true;
    std::string failed;
    for (const std::string& before : spec.depends_on()) {
      all_ended = all_ended && IsTerminal(states[before]);
      if (IsTerminal(states[before]) && states[before] != ExecutionState::kSucceeded) {
        failed = before;
      }
    }
    if (!failed.empty() && !spec.run_always()) {
      TARN_RETURN_IF_ERROR(EndStep(
          step, {.code = absl::StatusCode::kCancelled,
                 .reason = "UPSTREAM_FAILED",
                 .message = absl::StrCat("step ", failed, ", on which it depends, did not succeed"),
                 .metadata = {{"step", failed}}}));
      states[step.id] = step.state;
      continue;
    }
    const bool due = !step.not_before.has_value() || *step.not_before <= tools_.clock.Now();
    if (all_ended && due && static_cast<int>(running_.size()) < options_.max_parallel_steps) {
      Begin(step);
    }
  }
  return absl::OkStatus();
}

absl::Status RunExecutor::EndStep(StepRecord& step, WorkError error) {
  step.state = ExecutionState::kCancelled;
  // A step that waits for its next attempt keeps why the last one failed.
  if (!step.error.has_value()) step.error = std::move(error);
  step.ended_at = tools_.clock.Now();
  return SaveStep(step);
}

absl::Status RunExecutor::SaveStep(const StepRecord& step) {
  TARN_RETURN_IF_ERROR(
      Persist([&](Transaction& txn) { return run_store::SaveStep(txn, lease_, step); }));
  tools_.changes.Notify();
  return absl::OkStatus();
}

void RunExecutor::Begin(const StepRecord& step) {
  StepSurroundings surroundings{.run = run_, .state_so_far = "SUCCEEDED", .error_so_far = ""};
  if (const StepRecord* failure = FirstFailure(); failure != nullptr) {
    surroundings.state_so_far = "FAILED";
    surroundings.error_so_far = failure->error.has_value() ? failure->error->message : "";
  }
  running_[step.id] = std::thread([this, surroundings = std::move(surroundings), step] {
    absl::StatusOr<StepRecord> ended = steps_.RunAttempt(surroundings, step);
    {
      std::lock_guard lock(mutex_);
      finished_.push_back(std::move(ended));
    }
    tools_.changes.Notify();
  });
}

absl::Status RunExecutor::TakeFinished() {
  std::vector<absl::StatusOr<StepRecord>> finished;
  {
    std::lock_guard lock(mutex_);
    finished.swap(finished_);
  }
  absl::Status status;
  for (absl::StatusOr<StepRecord>& ended : finished) {
    if (!ended.ok()) {
      status.Update(ended.status());
      continue;
    }
    running_[ended->id].join();
    running_.erase(ended->id);
    const std::string kind = StepKind(run_.StepSpec(ended->id));
    const bool retried = ended->state == ExecutionState::kQueued;
    tools_.metrics.step_attempts.With({kind, retried ? "RETRY" : StateText(ended->state)})
        .Increment();
    if (ended->attempt_started_at.has_value()) {
      tools_.metrics.step_seconds.With({kind}).Observe(
          absl::ToDoubleSeconds(tools_.clock.Now() - *ended->attempt_started_at));
    }
    auto step = std::find_if(run_.steps.begin(), run_.steps.end(),
                             [&](const StepRecord& known) { return known.id == ended->id; });
    *step = *std::move(ended);
  }
  return status;
}

const StepRecord* RunExecutor::FirstFailure() const {
  const StepRecord* first = nullptr;
  for (const StepRecord& step : run_.steps) {
    if (step.state != ExecutionState::kFailed && step.state != ExecutionState::kTimedOut) continue;
    if (first == nullptr || *step.ended_at < *first->ended_at) first = &step;
  }
  return first;
}

absl::Status RunExecutor::FinishRun() {
  TARN_RETURN_IF_FAILPOINT("transform.run.before_finish");
  RunRecord run = run_;
  run.ended_at = tools_.clock.Now();
  const bool all_succeeded =
      std::all_of(run.steps.begin(), run.steps.end(),
                  [](const StepRecord& step) { return step.state == ExecutionState::kSucceeded; });
  if (all_succeeded) {
    run.state = ExecutionState::kSucceeded;
  } else if (run.stop_requested) {
    run.state = ExecutionState::kCancelled;
    run.error = WorkError{.code = absl::StatusCode::kCancelled,
                          .reason = "RUN_STOPPED",
                          .message = "the run was stopped"};
  } else {
    run.state = ExecutionState::kFailed;
    if (const StepRecord* failure = FirstFailure(); failure != nullptr) {
      run.error = failure->error;
      if (run.error.has_value()) {
        run.error->message = absl::StrCat("step ", failure->id, ": ", run.error->message);
        run.error->metadata["step"] = failure->id;
      }
    }
  }
  TARN_RETURN_IF_ERROR(
      Persist([&](Transaction& txn) { return run_store::Finish(txn, lease_, run); }));
  tools_.changes.Notify();
  tools_.metrics.runs_ended.With({StateText(run.state), TriggerKind(run.trigger)}).Increment();
  tools_.metrics.run_seconds.With({StateText(run.state)})
      .Observe(absl::ToDoubleSeconds(*run.ended_at - run.started_at.value_or(run.created_at)));
  logging::Info("transform", "run ended",
                {{"run", RunName(run.pipeline_id, run.id)}, {"state", StateText(run.state)}});
  return absl::OkStatus();
}

void RunExecutor::JoinSteps() {
  for (auto& [id, thread] : running_) {
    if (thread.joinable()) thread.join();
  }
  running_.clear();
}

absl::Duration RunExecutor::Pause() const {
  absl::Duration pause = options_.poll_interval;
  for (const StepRecord& step : run_.steps) {
    if (step.state == ExecutionState::kQueued && step.not_before.has_value()) {
      pause = std::min(pause, *step.not_before - tools_.clock.Now());
    }
  }
  return std::max(pause, absl::Milliseconds(10));
}

absl::Status RunExecutor::Persist(absl::FunctionRef<absl::Status(Transaction&)> write) {
  absl::Duration backoff = absl::Milliseconds(100);
  bool logged = false;
  for (;;) {
    absl::Status status = tools_.pool.Run([&](Transaction& txn) { return write(txn); });
    if (status.ok()) return status;
    if (!MayRepeat(status) || control_.mode() == Mode::kAbandon) return status;
    if (!logged) {
      logging::Warn("transform", "a run waits for PostgreSQL", status, {{"run", lease_.key[1]}});
      logged = true;
    }
    control_.Sleep(backoff, control_.mode());
    backoff = std::min(2 * backoff, kMaxPostgresBackoff);
  }
}

}  // namespace tarn::transform

#include "services/transform/step_runner.h"

#include <algorithm>

#include <absl/random/random.h>
#include <absl/strings/str_cat.h>

#include "common/clock/clock.h"
#include "common/failpoint/failpoint.h"
#include "common/logging/logging.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/transform/proto_time.h"
#include "services/transform/retry_delay.h"
#include "services/transform/step_action.h"

namespace tarn::transform {
namespace {

constexpr absl::Duration kDefaultTimeout = absl::Hours(1);
using Mode = RunControl::Mode;

// Errors of a call that say nothing about the step: somebody is down, starting, or has too much to
// do. All calls may be repeated.
bool IsTransient(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kResourceExhausted:
    case absl::StatusCode::kAborted:
    case absl::StatusCode::kCancelled:
    case absl::StatusCode::kUnknown:
      return true;
    default:
      return false;
  }
}

absl::Status Abandoned() { return Aborted("RUN_ABANDONED", "this process left the run to others"); }

StepOutcome FailedWith(const absl::Status& status) {
  return {.state = ExecutionState::kFailed, .error = ToWorkError(status)};
}

double Jitter() {
  thread_local absl::BitGen generator;
  return absl::Uniform(generator, 0.0, 1.0);
}

// Whether a call that ended so may have reached the module and done its work there.
bool MayHaveArrived(const absl::Status& status) {
  return IsTransient(status) && !absl::IsResourceExhausted(status) && !absl::IsAborted(status);
}

// One attempt while it lasts; one thread.
class Attempt {
 public:
  Attempt(StepAction& action, Clock& clock, const RunControl& control, const StepRunner::Save& save,
          const StepRunnerOptions& options, const StepSurroundings& surroundings,
          const v1::Step& spec, StepRecord& step, bool taken_up)
      : action_(action),
        clock_(clock),
        control_(control),
        save_(save),
        options_(options),
        step_(step),
        may_run_(taken_up),
        call_{.run = surroundings.run,
              .step = spec,
              .record = step,
              .state_so_far = surroundings.state_so_far,
              .error_so_far = surroundings.error_so_far},
        deadline_(*step.attempt_started_at +
                  (spec.has_timeout() ? ToDuration(spec.timeout()) : kDefaultTimeout)) {}

  // How it ended; an error when it was abandoned or could not be written.
  absl::StatusOr<StepOutcome> Drive() {
    if (step_.work.empty()) {
      if (action_.HasStatement() && step_.statement.empty()) {
        absl::StatusOr<std::string> statement = Patiently([&] { return action_.Prepare(call_); });
        if (!statement.ok()) {
          may_run_ = false;  // nothing is started before its SQL is decided
          return EndWithout(statement.status());
        }
        step_.statement = *std::move(statement);
        TARN_RETURN_IF_ERROR(save_(step_));
      }
      TARN_RETURN_IF_FAILPOINT("transform.step.before_start");
      absl::StatusOr<std::string> work = Patiently([&] { return StartOnce(); });
      if (!work.ok()) return EndWithout(work.status());
      TARN_RETURN_IF_FAILPOINT("transform.step.after_start");
      step_.work = *std::move(work);
      TARN_RETURN_IF_ERROR(save_(step_));
      TARN_RETURN_IF_FAILPOINT("transform.step.after_record");
    }
    return Follow();
  }

 private:
  // Why a call was not repeated any more.
  enum class End { kNone, kAbandoned, kStopped, kTimedOut };

  End CheckEnd() const {
    switch (control_.mode()) {
      case Mode::kAbandon:
        return End::kAbandoned;
      case Mode::kStop:
        return End::kStopped;
      case Mode::kGoOn:
        break;
    }
    return clock_.Now() >= deadline_ ? End::kTimedOut : End::kNone;
  }

  void Pause() {
    control_.Sleep(backoff_, control_.mode());
    backoff_ = std::min(2 * backoff_, options_.max_backoff);
  }

  void NoteTransient(const absl::Status& status) {
    if (last_transient_.ok()) {
      logging::Warn("transform", "a step waits for another module", status,
                    {{"run", call_.run.id}, {"step", step_.id}});
    }
    last_transient_ = status;
  }

  // Repeats what failed for no fault of the step. After an error, end_ says whether it was given
  // up.
  template <typename F>
  std::invoke_result_t<F> Patiently(F call) {
    for (;;) {
      end_ = CheckEnd();
      if (end_ != End::kNone) return Abandoned();
      auto result = call();
      if (result.ok() || !IsTransient(result.status())) {
        if (result.ok()) last_transient_ = absl::OkStatus();
        backoff_ = options_.min_backoff;
        return result;
      }
      NoteTransient(result.status());
      Pause();
    }
  }

  absl::StatusOr<std::string> StartOnce() {
    absl::StatusOr<std::string> work = action_.Start(call_);
    may_run_ = may_run_ || MayHaveArrived(work.status());
    return work;
  }

  // The end of an attempt that knows of nothing that it has started.
  absl::StatusOr<StepOutcome> EndWithout(const absl::Status& status) {
    if (end_ == End::kAbandoned) return Abandoned();
    if (end_ == End::kNone) return FailedWith(status);
    if (!may_run_ || !action_.CanCancel()) return Given(end_);
    return FindAndCancel();
  }

  // A start whose answer was lost, or that another process sent, may have begun work: left alone,
  // it would run beside the next attempt. The same request id gives its name; where there was none,
  // what is started now is cancelled at once.
  absl::StatusOr<StepOutcome> FindAndCancel() {
    const End end = end_;
    const absl::Time give_up = absl::Now() + options_.cancel_wait;
    do {
      if (control_.mode() == Mode::kAbandon) return Abandoned();
      absl::StatusOr<std::string> work = action_.Start(call_);
      if (work.ok()) {
        step_.work = *std::move(work);
        TARN_RETURN_IF_ERROR(save_(step_));
        return CancelAndGive(end);
      }
      if (!IsTransient(work.status())) return Given(end);
      NoteTransient(work.status());
      Pause();
    } while (absl::Now() < give_up);
    return Given(end);
  }

  // The outcome of an attempt that was given up.
  StepOutcome Given(End end) const {
    StepOutcome outcome;
    outcome.output = step_.work;
    if (end == End::kStopped) {
      outcome.state = ExecutionState::kCancelled;
      outcome.error = WorkError{.code = absl::StatusCode::kCancelled,
                                .reason = "RUN_STOPPED",
                                .message = "the run was stopped"};
      outcome.may_retry = false;
      return outcome;
    }
    outcome.state = ExecutionState::kTimedOut;
    outcome.error = WorkError{
        .code = absl::StatusCode::kDeadlineExceeded,
        .reason = "STEP_TIMED_OUT",
        .message = absl::StrCat("the attempt did not end within ",
                                absl::FormatDuration(deadline_ - *step_.attempt_started_at),
                                "; give the step a longer timeout, or make it do less")};
    if (!last_transient_.ok()) {
      absl::StrAppend(&outcome.error->message, " (it waited for another module: ",
                      absl::string_view(last_transient_.message()), ")");
    }
    return outcome;
  }

  // Waits for the end of the work.
  absl::StatusOr<StepOutcome> Follow() {
    for (;;) {
      const End end = CheckEnd();
      if (end == End::kAbandoned) return Abandoned();
      if (end != End::kNone) return CancelAndGive(end);
      absl::StatusOr<std::optional<StepOutcome>> outcome = PollOnce();
      if (!outcome.ok()) return FailedWith(outcome.status());
      if (outcome->has_value()) return **outcome;
    }
  }

  // Nothing, too, where the call failed for no fault of the step.
  absl::StatusOr<std::optional<StepOutcome>> PollOnce() {
    const absl::Time begin = absl::Now();
    absl::StatusOr<std::optional<StepOutcome>> outcome = action_.Poll(call_, options_.poll_wait);
    if (outcome.ok()) {
      last_transient_ = absl::OkStatus();
      backoff_ = options_.min_backoff;
      // A module that answers at once although it was to wait is not asked all the time.
      if (!outcome->has_value() && absl::Now() - begin < options_.poll_wait / 10) {
        control_.Sleep(options_.poll_wait / 10, control_.mode());
      }
      return outcome;
    }
    if (!IsTransient(outcome.status())) return outcome;
    NoteTransient(outcome.status());
    Pause();
    return std::optional<StepOutcome>();
  }

  // Cancels the work and waits for its end, so that a next attempt does not run beside it. What had
  // ended well before the cancellation came is a success.
  absl::StatusOr<StepOutcome> CancelAndGive(End end) {
    if (!action_.CanCancel()) return Given(end);
    const absl::Time give_up = absl::Now() + options_.cancel_wait;
    bool asked = false;
    while (absl::Now() < give_up) {
      if (control_.mode() == Mode::kAbandon) return Abandoned();
      if (!asked) {
        const absl::Status status = action_.Cancel(call_);
        asked = !IsTransient(status);
        if (!asked) {
          Pause();
          continue;
        }
      }
      absl::StatusOr<std::optional<StepOutcome>> outcome = PollOnce();
      if (!outcome.ok()) break;
      if (!outcome->has_value()) continue;
      if ((*outcome)->state == ExecutionState::kSucceeded) return **outcome;
      break;
    }
    return Given(end);
  }

  StepAction& action_;
  Clock& clock_;
  const RunControl& control_;
  const StepRunner::Save& save_;
  const StepRunnerOptions& options_;
  StepRecord& step_;
  // Whether there may be work whose name is not known.
  bool may_run_;
  const StepCall call_;
  const absl::Time deadline_;
  End end_ = End::kNone;
  absl::Duration backoff_ = options_.min_backoff;
  absl::Status last_transient_;
};

}  // namespace

absl::StatusOr<StepRecord> StepRunner::RunAttempt(const StepSurroundings& surroundings,
                                                  StepRecord step) const {
  const v1::Step& spec = surroundings.run.StepSpec(step.id);
  const bool taken_up = step.state == ExecutionState::kRunning;
  if (step.state == ExecutionState::kQueued) {
    step.state = ExecutionState::kRunning;
    ++step.attempt;
    step.attempt_started_at = clock_.Now();
    if (!step.started_at.has_value()) step.started_at = step.attempt_started_at;
    step.not_before.reset();
    step.statement.clear();
    step.work.clear();
    step.output.clear();
    step.row_count = 0;
    TARN_RETURN_IF_ERROR(save_(step));
  }
  const std::unique_ptr<StepAction> action = actions_.Make(spec);
  Attempt attempt(*action, clock_, control_, save_, options_, surroundings, spec, step, taken_up);
  TARN_ASSIGN_OR_RETURN(StepOutcome outcome, attempt.Drive());
  TARN_RETURN_IF_FAILPOINT("transform.step.before_finish");
  step.output = outcome.output;
  step.row_count = outcome.row_count;
  step.error = outcome.error;
  const bool failed =
      outcome.state == ExecutionState::kFailed || outcome.state == ExecutionState::kTimedOut;
  if (failed && outcome.may_retry && step.attempt < MaxAttempts(spec.retry()) &&
      control_.mode() == Mode::kGoOn) {
    step.state = ExecutionState::kQueued;
    step.not_before = clock_.Now() + RetryDelay(spec.retry(), step.attempt, Jitter());
  } else {
    step.state = outcome.state;
    step.ended_at = clock_.Now();
  }
  TARN_RETURN_IF_ERROR(save_(step));
  return step;
}

}  // namespace tarn::transform

// Runs one attempt of one step, from wherever it stands to its end.
//
// What it does outside goes by a request id that belongs to the attempt, and each transition is
// saved before the next thing is done: an attempt that another process left behind is taken up
// where it was. A module that cannot be reached is not the step's failure: it is asked again until
// the attempt's time is over.
#pragma once

#include <functional>
#include <memory>

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "services/transform/run.h"
#include "services/transform/run_control.h"

namespace tarn {
class Clock;
}

namespace tarn::transform {

class StepActionFactory;

struct StepRunnerOptions {
  // How long one Poll waits: how soon a stop or a timeout is seen.
  absl::Duration poll_wait = absl::Milliseconds(500);
  // Between tries of a call that failed for no fault of the step.
  absl::Duration min_backoff = absl::Milliseconds(100);
  absl::Duration max_backoff = absl::Seconds(5);
  // How long the end of cancelled work is waited for.
  absl::Duration cancel_wait = absl::Seconds(15);
};

// What the run knows besides the step itself.
struct StepSurroundings {
  const RunRecord& run;
  // See StepCall.
  std::string state_so_far;
  std::string error_so_far;
};

// Thread safe; what it refers to outlives its calls.
class StepRunner {
 public:
  // Writes a step durably. An error means that this process must leave the run alone.
  using Save = std::function<absl::Status(const StepRecord&)>;

  StepRunner(const StepActionFactory& actions, Clock& clock, const RunControl& control, Save save,
             StepRunnerOptions options)
      : actions_(actions),
        clock_(clock),
        control_(control),
        save_(std::move(save)),
        options_(options) {}

  // `step` waits (QUEUED) or was begun (RUNNING). Returns it as it was saved last: in a terminal
  // state, or QUEUED with not_before for its next attempt. An error, ABORTED when the run was
  // abandoned, means that nothing more was or may be written.
  absl::StatusOr<StepRecord> RunAttempt(const StepSurroundings& surroundings,
                                        StepRecord step) const;

 private:
  const StepActionFactory& actions_;
  Clock& clock_;
  const RunControl& control_;
  const Save save_;
  const StepRunnerOptions options_;
};

}  // namespace tarn::transform

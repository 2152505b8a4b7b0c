// What a step does in other modules: start it, ask how far it is, stop it.
//
// An action never blocks for long and never retries; StepRunner does. Each call gets a token of the
// run's owner for itself. Actions have no state of their own: what was started is known by its
// name, so that another process can go on with it. Thread safe.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "services/transform/run.h"

namespace tarn::auth {
class TokenProvider;
}

namespace tarn::transform {

struct ModuleClients;

// One attempt of one step, as its action sees it. Refers to what outlives the call.
struct StepCall {
  // As it stood when the executor began: parameters, owner, definitions.
  const RunRecord& run;
  const v1::Step& step;
  // Its present attempt and the statement that was prepared for it.
  const StepRecord& record;
  // "SUCCEEDED" or "FAILED": how the steps before it ended; and the first error, for a message.
  std::string state_so_far;
  std::string error_so_far;

  // The same for every try of one attempt: "run:<run>:<step>:<attempt>".
  std::string RequestId() const;
};

// How an attempt ended.
struct StepOutcome {
  ExecutionState state = ExecutionState::kSucceeded;
  std::optional<WorkError> error;
  std::string output;
  int64_t row_count = 0;
  // False where another attempt would be against somebody's will.
  bool may_retry = true;
};

class StepAction {
 public:
  virtual ~StepAction() = default;

  // Whether the work is SQL that Prepare decides before Start.
  virtual bool HasStatement() const { return false; }
  // Decides the SQL of the attempt. Only with HasStatement.
  virtual absl::StatusOr<std::string> Prepare(const StepCall&) { return ""; }
  // Starts the work and gives its name; with the same request id, the same work.
  virtual absl::StatusOr<std::string> Start(const StepCall& call) = 0;
  // Waits up to `wait` for the end of the work; nothing when it goes on.
  virtual absl::StatusOr<std::optional<StepOutcome>> Poll(const StepCall& call,
                                                          absl::Duration wait) = 0;
  // Asks the work to stop; Poll says when it has. OK, too, where it cannot be stopped.
  virtual absl::Status Cancel(const StepCall& call) = 0;
  // Whether Cancel does anything, so that the end is worth waiting for.
  virtual bool CanCancel() const { return true; }
};

// Makes the action of a step. Thread safe; what it refers to outlives it and its actions.
class StepActionFactory {
 public:
  StepActionFactory(ModuleClients& clients, auth::TokenProvider& tokens)
      : clients_(clients), tokens_(tokens) {}

  std::unique_ptr<StepAction> Make(const v1::Step& step) const;

 private:
  ModuleClients& clients_;
  auth::TokenProvider& tokens_;
};

}  // namespace tarn::transform

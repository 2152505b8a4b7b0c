#include "services/transform/action_calls.h"

#include <absl/strings/str_cat.h>

namespace tarn::transform {

absl::StatusOr<rpc::Credentials> OwnerCredentials(auth::TokenProvider& tokens,
                                                  const StepCall& call) {
  TARN_ASSIGN_OR_RETURN(std::string token, tokens.TokenFor(call.run.workspace, call.run.owner));
  return rpc::Credentials{.token = std::move(token), .request_id = call.run.id};
}

std::optional<StepOutcome> OutcomeOf(common::v1::ExecutionState state,
                                     const common::v1::ExecutionError& error,
                                     const std::string& work) {
  StepOutcome outcome;
  outcome.state = static_cast<ExecutionState>(state);
  outcome.output = work;
  if (!IsTerminal(outcome.state)) return std::nullopt;
  if (outcome.state == ExecutionState::kSucceeded) return outcome;
  outcome.error = WorkError{.code = static_cast<absl::StatusCode>(error.code()),
                            .reason = error.reason(),
                            .message = error.message(),
                            .metadata = {error.metadata().begin(), error.metadata().end()}};
  if (outcome.state == ExecutionState::kCancelled) {
    outcome.state = ExecutionState::kFailed;
    outcome.may_retry = false;
    outcome.error = WorkError{.code = absl::StatusCode::kCancelled,
                              .reason = "WORK_CANCELLED",
                              .message = absl::StrCat(work, " was cancelled by somebody else")};
  }
  return outcome;
}

}  // namespace tarn::transform

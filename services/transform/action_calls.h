// What the actions of steps share: calls with the owner's token, and the outcome of a piece of work
// that another module tells of. Any thread.
#pragma once

#include <optional>
#include <string>

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "tarn/common/v1/execution.pb.h"

#include "common/auth/token_provider.h"
#include "common/rpc/client.h"
#include "common/status/status_macros.h"
#include "services/transform/step_action.h"

namespace tarn::transform {

// How long one call may take beyond the wait that it asks for.
inline constexpr absl::Duration kCallTimeout = absl::Seconds(20);

// A token of the run's owner, for one call. Errors: those of TokenFor.
absl::StatusOr<rpc::Credentials> OwnerCredentials(auth::TokenProvider& tokens,
                                                  const StepCall& call);

// One unary call as the run's owner.
template <typename Stub, typename Base, typename Request, typename Response>
absl::StatusOr<Response> CallAsOwner(auth::TokenProvider& tokens, const StepCall& call, Stub& stub,
                                     grpc::Status (Base::*method)(grpc::ClientContext*,
                                                                  const Request&, Response*),
                                     const std::type_identity_t<Request>& request,
                                     absl::Duration wait = absl::ZeroDuration()) {
  TARN_ASSIGN_OR_RETURN(rpc::Credentials credentials, OwnerCredentials(tokens, call));
  return rpc::Call(stub, method, request, credentials, {.timeout = kCallTimeout + wait});
}

// The outcome of a query, crawl or job in this state; nothing while it goes on. Cancelled by
// somebody else is FAILED, WORK_CANCELLED, and not tried again.
std::optional<StepOutcome> OutcomeOf(common::v1::ExecutionState state,
                                     const common::v1::ExecutionError& error,
                                     const std::string& work);

}  // namespace tarn::transform

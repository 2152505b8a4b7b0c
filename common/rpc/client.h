// Calls to other modules: one function around a blocking unary call, and a retry for calls that may
// be made twice.
//
//   TARN_ASSIGN_OR_RETURN(Table table, rpc::Call(*stub, &CatalogService::Stub::GetTable, request,
//                                                call.credentials()));
#pragma once

#include <type_traits>
#include <utility>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>
#include <grpcpp/client_context.h>
#include <grpcpp/support/status.h>

#include "common/clock/clock.h"
#include "common/rpc/credentials.h"
#include "common/rpc/status_conversion.h"

namespace tarn::rpc {

struct CallOptions {
  absl::Duration timeout = absl::Seconds(30);
  // Waits, within the timeout, for a callee that is not up yet, instead of failing at once.
  bool wait_for_ready = false;
};

// Sets bearer, request id and deadline. An infinite timeout sets no deadline. For streams too.
void PrepareContext(grpc::ClientContext& context, const Credentials& credentials,
                    absl::Duration timeout = absl::Seconds(30));

// Makes one unary call and waits for it. Errors are the callee's, with their reason; a transport
// that fails is UNAVAILABLE. Any thread; `stub` is a generated Stub.
template <typename Stub, typename Base, typename Request, typename Response>
absl::StatusOr<Response> Call(Stub& stub,
                              grpc::Status (Base::*method)(grpc::ClientContext*, const Request&,
                                                           Response*),
                              const std::type_identity_t<Request>& request,
                              const Credentials& credentials, const CallOptions& options = {}) {
  grpc::ClientContext context;
  PrepareContext(context, credentials, options.timeout);
  context.set_wait_for_ready(options.wait_for_ready);
  Response response;
  grpc::Status status = (stub.*method)(&context, request, &response);
  if (!status.ok()) return FromGrpcStatus(status);
  return response;
}

// How often and how patiently RetryUnavailable tries.
struct RetryPolicy {
  int max_attempts = 5;
  absl::Duration initial_backoff = absl::Milliseconds(100);
  absl::Duration max_backoff = absl::Seconds(2);
};

// The pause before attempt `attempt` + 1: doubled for each attempt, capped, and jittered by half.
// `attempt` starts at 1.
absl::Duration RetryBackoff(const RetryPolicy& policy, int attempt);

namespace internal {
inline const absl::Status& StatusOf(const absl::Status& status) { return status; }
template <typename T>
const absl::Status& StatusOf(const absl::StatusOr<T>& result) {
  return result.status();
}
}  // namespace internal

// Runs `fn`, which returns Status or StatusOr, until it gives anything but UNAVAILABLE or the
// attempts are used up. Only for idempotent calls: one that failed as UNAVAILABLE may have been
// done.
template <typename Fn>
auto RetryUnavailable(const RetryPolicy& policy, Clock& clock, Fn fn) -> std::invoke_result_t<Fn> {
  for (int attempt = 1;; ++attempt) {
    auto result = fn();
    if (internal::StatusOf(result).code() != absl::StatusCode::kUnavailable ||
        attempt >= policy.max_attempts) {
      return result;
    }
    clock.SleepFor(RetryBackoff(policy, attempt));
  }
}

template <typename Fn>
auto RetryUnavailable(const RetryPolicy& policy, Fn fn) -> std::invoke_result_t<Fn> {
  return RetryUnavailable(policy, SystemClock(), std::move(fn));
}

}  // namespace tarn::rpc

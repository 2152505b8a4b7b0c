// The rules of runs as callers ask for them: start, read, list, stop. Thread safe; what it refers
// to outlives it.
#pragma once

#include <optional>
#include <string>

#include <absl/functional/function_ref.h>
#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "tarn/transform/v1/transform_service.pb.h"

#include "services/transform/run.h"

namespace tarn {
class Clock;
class PostgresPool;
namespace auth {
struct Caller;
}
}  // namespace tarn

namespace tarn::transform {

class RunChanges;

class RunManager {
 public:
  RunManager(PostgresPool& pool, Clock& clock, RunChanges& changes)
      : pool_(pool), clock_(clock), changes_(changes) {}

  // Errors: PIPELINE_NOT_FOUND, those of ResolveParameters.
  absl::StatusOr<v1::Run> Start(const auth::Caller& caller, const v1::StartRunRequest& request);

  // NOT_FOUND, RUN_NOT_FOUND.
  absl::StatusOr<v1::Run> Get(const std::string& workspace, const std::string& name);

  absl::StatusOr<v1::ListRunsResponse> List(const std::string& workspace,
                                            const v1::ListRunsRequest& request);

  // Returns at once; a run that has begun ends a moment later. As Get.
  absl::StatusOr<v1::Run> Stop(const std::string& workspace, const std::string& name);

  // Calls `see` with the run as it is now and after each change, until it has ended or `see` says
  // false. `idle` is asked several times a second whether to go on: OK, or what Watch returns.
  // As Get.
  absl::Status Watch(const std::string& workspace, const std::string& name,
                     absl::FunctionRef<bool(const v1::Run&)> see,
                     absl::FunctionRef<absl::Status()> idle);

 private:
  PostgresPool& pool_;
  Clock& clock_;
  RunChanges& changes_;
};

}  // namespace tarn::transform

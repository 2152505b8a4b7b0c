// What crawls and maintenance jobs have in common: a persisted state, times and an error. Plain
// values.
#pragma once

#include <optional>
#include <string>

#include <absl/status/status.h>
#include <absl/time/time.h>

#include "common/postgres/value.h"
#include "common/status/error.h"

namespace tarn::common::v1 {
class ExecutionError;
class ExecutionTimes;
}  // namespace tarn::common::v1

namespace tarn::catalog {

// Stored by these numbers, which are those of the proto.
enum class ExecutionState {
  kQueued = 1,
  kRunning = 2,
  kSucceeded = 3,
  kFailed = 4,
  kCancelled = 5,
};

struct ExecutionFailure {
  int code = 0;
  std::string reason;
  std::string message;
  ErrorMetadata metadata;
};

struct Execution {
  ExecutionState state = ExecutionState::kQueued;
  absl::Time create_time;
  std::optional<absl::Time> start_time;
  std::optional<absl::Time> end_time;
  std::optional<ExecutionFailure> failure;

  bool ended() const { return state > ExecutionState::kRunning; }
};

ExecutionFailure FailureOf(const absl::Status& status);

// From the columns state, create_time, start_time, end_time and error (jsonb).
Execution ReadExecution(const Row& row);
// For the column error; nothing for OK.
std::optional<std::string> ErrorToJson(const absl::Status& status);

void ToProto(const Execution& execution, common::v1::ExecutionTimes* times);
void ToProto(const ExecutionFailure& failure, common::v1::ExecutionError* error);

}  // namespace tarn::catalog

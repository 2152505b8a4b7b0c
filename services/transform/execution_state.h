// Where a run or a step stands. The numbers are those of tarn.common.v1.ExecutionState; the texts
// ("QUEUED") are what PostgreSQL stores. Pure functions; any thread.
#pragma once

#include <string>
#include <string_view>

namespace tarn::transform {

enum class ExecutionState {
  kUnspecified = 0,
  kQueued = 1,
  kRunning = 2,
  kSucceeded = 3,
  kFailed = 4,
  kCancelled = 5,
  kTimedOut = 6,
};

// True for the states that never change again.
bool IsTerminal(ExecutionState state);

std::string StateText(ExecutionState state);
// kUnspecified for a text that is none.
ExecutionState StateFromText(std::string_view text);

}  // namespace tarn::transform

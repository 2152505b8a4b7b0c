#include "services/transform/execution_state.h"

#include <array>

namespace tarn::transform {
namespace {

constexpr std::array<std::string_view, 7> kTexts = {"",       "QUEUED",    "RUNNING",  "SUCCEEDED",
                                                    "FAILED", "CANCELLED", "TIMED_OUT"};

}  // namespace

bool IsTerminal(ExecutionState state) { return state >= ExecutionState::kSucceeded; }

std::string StateText(ExecutionState state) {
  return std::string(kTexts[static_cast<size_t>(state)]);
}

ExecutionState StateFromText(std::string_view text) {
  for (size_t i = 1; i < kTexts.size(); ++i) {
    if (kTexts[i] == text) return static_cast<ExecutionState>(i);
  }
  return ExecutionState::kUnspecified;
}

}  // namespace tarn::transform

// The steps of a pipeline as a graph: an order in which they may run, or the cycle that forbids
// one. Pure functions; any thread.
#pragma once

#include <string>
#include <vector>

#include <absl/status/statusor.h>

namespace tarn::transform {

namespace v1 {
class Pipeline;
class Step;
}  // namespace v1

// Indices of the steps so that each comes after those that it depends on, and otherwise as they
// were written. Ids must be unique and every dependency exist. INVALID_ARGUMENT, STEP_CYCLE: the
// message names the cycle ("a -> b -> a": each needs the next one).
absl::StatusOr<std::vector<int>> OrderSteps(const v1::Pipeline& pipeline);

// crawl, sql, compact, check, export or notify; "" for a step without an action.
std::string StepKind(const v1::Step& step);

}  // namespace tarn::transform

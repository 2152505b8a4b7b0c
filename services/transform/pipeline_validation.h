// What a pipeline must be before it is stored. Pure functions; any thread.
#pragma once

#include <absl/status/status.h>

namespace tarn::transform {

namespace v1 {
class Pipeline;
}

inline constexpr int kMaxSteps = 200;
inline constexpr int kMaxConcurrentRuns = 16;

// Fills in what is left out: one run at a time. Clears fields that are output only, but name.
void NormalizePipeline(v1::Pipeline& pipeline);

// INVALID_ARGUMENT, INVALID_FIELD with every bad field ("pipeline.steps[2].sql.sql"); where all
// fields are right, STEP_CYCLE.
absl::Status ValidatePipeline(const v1::Pipeline& pipeline);

}  // namespace tarn::transform

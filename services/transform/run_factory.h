// Makes runs of pipelines. Pure; any thread.
#pragma once

#include <string>

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "services/transform/pipeline.h"
#include "services/transform/run.h"

namespace tarn::transform {

// A run that waits, with a step for each of the pipeline's. Errors: those of ResolveParameters.
absl::StatusOr<RunRecord> NewRun(const StoredPipeline& pipeline, const ParameterValues& given,
                                 std::string trigger, absl::Time now);

}  // namespace tarn::transform

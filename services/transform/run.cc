#include "services/transform/run.h"

#include <algorithm>

#include "common/names/names.h"
#include "common/status/error.h"

namespace tarn::transform {

WorkError ToWorkError(const absl::Status& status) {
  return {.code = status.code(),
          .reason = ErrorReason(status),
          .message = std::string(status.message()),
          .metadata = ErrorMetadataOf(status)};
}

const v1::Step& RunRecord::StepSpec(const std::string& step_id) const {
  return *std::find_if(spec.steps().begin(), spec.steps().end(),
                       [&](const v1::Step& step) { return step.id() == step_id; });
}

std::string RunName(const std::string& pipeline_id, const std::string& run_id) {
  return names::Format("pipelines/{pipeline}/runs/{run}", {pipeline_id, run_id});
}

}  // namespace tarn::transform

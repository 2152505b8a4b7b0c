#include "services/transform/run_factory.h"

#include "common/ids/ids.h"
#include "common/status/status_macros.h"
#include "services/transform/step_graph.h"

namespace tarn::transform {

absl::StatusOr<RunRecord> NewRun(const StoredPipeline& pipeline, const ParameterValues& given,
                                 std::string trigger, absl::Time now) {
  RunRecord run;
  run.workspace = pipeline.workspace;
  run.id = NewUuid();
  run.pipeline_id = pipeline.id;
  run.spec = pipeline.spec;
  TARN_ASSIGN_OR_RETURN(run.parameters, ResolveParameters(pipeline.spec, given));
  run.trigger = std::move(trigger);
  run.owner = pipeline.owner;
  run.created_at = now;
  TARN_ASSIGN_OR_RETURN(std::vector<int> order, OrderSteps(pipeline.spec));
  for (int index : order) {
    StepRecord step;
    step.id = pipeline.spec.steps(index).id();
    step.created_at = now;
    run.steps.push_back(std::move(step));
  }
  return run;
}

}  // namespace tarn::transform

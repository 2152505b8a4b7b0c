#include "services/transform/run_proto.h"

#include "services/transform/proto_time.h"
#include "services/transform/step_graph.h"

namespace tarn::transform {
namespace {

common::v1::ExecutionState ToProto(ExecutionState state) {
  return static_cast<common::v1::ExecutionState>(state);
}

common::v1::ExecutionTimes Times(absl::Time created, const std::optional<absl::Time>& started,
                                 const std::optional<absl::Time>& ended) {
  common::v1::ExecutionTimes times;
  *times.mutable_create_time() = ToTimestamp(created);
  if (started.has_value()) *times.mutable_start_time() = ToTimestamp(*started);
  if (ended.has_value()) *times.mutable_end_time() = ToTimestamp(*ended);
  return times;
}

common::v1::ExecutionError ToProto(const WorkError& error) {
  common::v1::ExecutionError proto;
  proto.set_code(static_cast<int>(error.code));
  proto.set_reason(error.reason);
  proto.set_message(error.message);
  proto.mutable_metadata()->insert(error.metadata.begin(), error.metadata.end());
  return proto;
}

v1::StepRun ToProto(const StepRecord& step, const v1::Step& spec) {
  v1::StepRun proto;
  proto.set_step_id(step.id);
  proto.set_kind(StepKind(spec));
  proto.set_state(ToProto(step.state));
  *proto.mutable_times() = Times(step.created_at, step.started_at, step.ended_at);
  if (step.error.has_value()) *proto.mutable_error() = ToProto(*step.error);
  proto.set_attempt(step.attempt);
  proto.set_output(step.output.empty() ? step.work : step.output);
  proto.set_row_count(step.row_count);
  *proto.mutable_depends_on() = spec.depends_on();
  return proto;
}

}  // namespace

v1::Run ToProto(const RunRecord& run) {
  v1::Run proto;
  proto.set_name(RunName(run.pipeline_id, run.id));
  proto.set_state(ToProto(run.state));
  *proto.mutable_times() = Times(run.created_at, run.started_at, run.ended_at);
  if (run.error.has_value()) *proto.mutable_error() = ToProto(*run.error);
  proto.set_trigger(run.trigger);
  proto.mutable_parameters()->insert(run.parameters.begin(), run.parameters.end());
  for (const StepRecord& step : run.steps)
    *proto.add_steps() = ToProto(step, run.StepSpec(step.id));
  proto.set_owner(run.owner);
  return proto;
}

}  // namespace tarn::transform

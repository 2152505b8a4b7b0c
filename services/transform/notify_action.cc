#include "services/transform/notify_action.h"

#include "services/transform/action_calls.h"
#include "services/transform/module_clients.h"
#include "services/transform/pipeline.h"
#include "services/transform/sql_template.h"

namespace tarn::transform {

namespace alerting = tarn::alerting::v1;

absl::StatusOr<std::string> NotifyAction::Start(const StepCall& call) {
  // Facts of the run are no parameters: they win over parameters of the same name.
  std::map<std::string, std::string> values = {{"pipeline", PipelineName(call.run.pipeline_id)},
                                               {"run", RunName(call.run.pipeline_id, call.run.id)},
                                               {"state", call.state_so_far},
                                               {"error", call.error_so_far}};
  values.insert(call.run.parameters.begin(), call.run.parameters.end());
  alerting::SendNotificationRequest request;
  request.set_channel(call.step.notify().channel());
  TARN_ASSIGN_OR_RETURN(*request.mutable_message(), FillText(call.step.notify().message(), values));
  request.set_subject(RunName(call.run.pipeline_id, call.run.id));
  request.set_request_id(call.RequestId());
  TARN_ASSIGN_OR_RETURN(alerting::Delivery delivery,
                        CallAsOwner(tokens_, call, *clients_.alerting,
                                    &alerting::AlertingService::Stub::SendNotification, request));
  return delivery.name();
}

absl::StatusOr<std::optional<StepOutcome>> NotifyAction::Poll(const StepCall& call,
                                                              absl::Duration) {
  return StepOutcome{.output = call.record.work};
}

absl::Status NotifyAction::Cancel(const StepCall&) { return absl::OkStatus(); }

}  // namespace tarn::transform

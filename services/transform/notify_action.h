// A notify step: one message, which is durable in alerting before the answer; it is delivered
// later. Thread safe.
#pragma once

#include "services/transform/step_action.h"

namespace tarn::transform {

class NotifyAction final : public StepAction {
 public:
  NotifyAction(ModuleClients& clients, auth::TokenProvider& tokens)
      : clients_(clients), tokens_(tokens) {}

  absl::StatusOr<std::string> Start(const StepCall& call) override;
  absl::StatusOr<std::optional<StepOutcome>> Poll(const StepCall& call,
                                                  absl::Duration wait) override;
  absl::Status Cancel(const StepCall& call) override;
  bool CanCancel() const override { return false; }

 private:
  ModuleClients& clients_;
  auth::TokenProvider& tokens_;
};

}  // namespace tarn::transform

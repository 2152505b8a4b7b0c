// A compact step: one maintenance job of the catalog. Jobs cannot be stopped; one that was started
// ends by itself, and leaves the rows as they are. Thread safe.
#pragma once

#include "services/transform/step_action.h"

namespace tarn::transform {

class CompactAction final : public StepAction {
 public:
  CompactAction(ModuleClients& clients, auth::TokenProvider& tokens)
      : clients_(clients), tokens_(tokens) {}

  absl::StatusOr<std::string> Prepare(const StepCall& call) override;
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

// sql, check and export steps: one query each. Thread safe.
#pragma once

#include "services/transform/step_action.h"

namespace tarn::transform {

class QueryAction final : public StepAction {
 public:
  QueryAction(ModuleClients& clients, auth::TokenProvider& tokens)
      : clients_(clients), tokens_(tokens) {}

  bool HasStatement() const override { return true; }
  absl::StatusOr<std::string> Prepare(const StepCall& call) override;
  absl::StatusOr<std::string> Start(const StepCall& call) override;
  absl::StatusOr<std::optional<StepOutcome>> Poll(const StepCall& call,
                                                  absl::Duration wait) override;
  absl::Status Cancel(const StepCall& call) override;

 private:
  ModuleClients& clients_;
  auth::TokenProvider& tokens_;
};

}  // namespace tarn::transform

// A crawl step: one crawl of a catalog's crawler. Thread safe.
#pragma once

#include "services/transform/step_action.h"

namespace tarn::transform {

class CrawlAction final : public StepAction {
 public:
  CrawlAction(ModuleClients& clients, auth::TokenProvider& tokens)
      : clients_(clients), tokens_(tokens) {}

  absl::StatusOr<std::string> Start(const StepCall& call) override;
  absl::StatusOr<std::optional<StepOutcome>> Poll(const StepCall& call,
                                                  absl::Duration wait) override;
  absl::Status Cancel(const StepCall& call) override;

 private:
  ModuleClients& clients_;
  auth::TokenProvider& tokens_;
};

}  // namespace tarn::transform

// Alerting, wired together: rules and their evaluation, channels and deliveries, events.
#pragma once

#include <memory>

#include <absl/status/statusor.h>

#include "common/server/module.h"
#include "common/server/module_context.h"
#include "services/alerting/alerting_options.h"
#include "services/alerting/delivery/receiver_policy.h"

namespace tarn::alerting {

class AlertingModule : public server::Module {
 public:
  // INVALID_ARGUMENT, INVALID_OPTION where options do not go together, or allowed_hosts has what is
  // no host or address.
  static absl::StatusOr<std::unique_ptr<server::Module>> Create(
      const AlertingOptions& options, const server::ModuleContext& context);

  AlertingModule(AlertingOptions options, ReceiverPolicy policy,
                 const server::ModuleContext& context);
  ~AlertingModule() override;

  std::string_view name() const override { return "alerting"; }
  void RegisterServices(grpc::ServerBuilder& builder) override;
  // PostgreSQL may be down: it is tried again in the background, and calls are refused as
  // UNAVAILABLE until then.
  absl::Status Start() override;
  absl::Status Ready() override;
  void Drain() override;
  void Stop() override;

 private:
  class Impl;
  const std::unique_ptr<Impl> impl_;
};

}  // namespace tarn::alerting

// Dashboard, wired together: identity, data sets and dashboards, the gateway over gRPC and HTTP.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "common/server/module.h"
#include "common/server/module_context.h"
#include "services/dashboard/dashboard_options.h"

namespace tarn::dashboard {

class DashboardModule : public server::Module {
 public:
  DashboardModule(DashboardOptions options, const server::ModuleContext& context);
  ~DashboardModule() override;

  std::string_view name() const override { return "dashboard"; }
  void RegisterServices(grpc::ServerBuilder& builder) override;
  // Errors: a listener, key file or signing key that cannot be used. PostgreSQL may be down: it is
  // tried again in the background, and calls are refused as UNAVAILABLE until then.
  absl::Status Start() override;
  absl::Status Ready() override;
  std::map<std::string, std::string> ExtraAddresses() const override;
  void Drain() override;
  void Stop() override;

 private:
  class Impl;
  const std::unique_ptr<Impl> impl_;
};

}  // namespace tarn::dashboard

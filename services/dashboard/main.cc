// tarn-dashboard: identity, dashboards, and the way in to every module.
#include "common/server/process.h"
#include "services/dashboard/dashboard_module.h"

int main(int argc, char** argv) {
  tarn::dashboard::DashboardOptions options;
  return tarn::server::RunModuleProcess(
      argc, argv,
      {.name = "dashboard",
       .summary = "Sign-in, dashboards, the web page, and the gateway to every module.",
       .default_listen = "127.0.0.1:7100",
       .register_options = [&](auto& set) { tarn::dashboard::RegisterOptions(set, &options); },
       .create = [&](const tarn::server::ModuleContext& context)
           -> absl::StatusOr<std::unique_ptr<tarn::server::Module>> {
         return std::make_unique<tarn::dashboard::DashboardModule>(options, context);
       }});
}

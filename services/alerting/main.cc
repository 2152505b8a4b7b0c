// tarn-alerting: rules that watch, channels that tell, events that connect.
#include "common/server/process.h"
#include "services/alerting/alerting_module.h"

int main(int argc, char** argv) {
  tarn::alerting::AlertingOptions options;
  return tarn::server::RunModuleProcess(
      argc, argv,
      {.name = "alerting",
       .summary = "Rules that watch, channels that tell, events that connect.",
       .default_listen = "127.0.0.1:7105",
       .register_options = [&](auto& set) { tarn::alerting::RegisterOptions(set, &options); },
       .create =
           [&](const tarn::server::ModuleContext& context) {
             return tarn::alerting::AlertingModule::Create(options, context);
           }});
}

// tarn-transform: pipelines and their runs, as a process of its own.
#include "common/server/process.h"
#include "services/transform/transform_module.h"
#include "services/transform/transform_options.h"

int main(int argc, char** argv) {
  tarn::transform::TransformOptions options;
  return tarn::server::RunModuleProcess(
      argc, argv,
      {.name = "transform",
       .summary = "Pipelines of steps: schedules, triggers, runs.",
       .default_listen = "127.0.0.1:7104",
       .register_options = [&](auto& set) { tarn::transform::RegisterOptions(set, &options); },
       .create = [&](const tarn::server::ModuleContext& context)
           -> absl::StatusOr<std::unique_ptr<tarn::server::Module>> {
         return std::make_unique<tarn::transform::TransformModule>(options, context);
       }});
}

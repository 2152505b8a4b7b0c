// tarn-query: SQL over the lake. The same binary is its own worker.
#include "common/server/process.h"
#include "services/query/query_module.h"
#include "services/query/worker/worker_session.h"

int main(int argc, char** argv) {
  if (tarn::query::IsWorkerCommand(argc, argv)) return tarn::query::RunWorker(argc, argv);
  tarn::query::QueryOptions options;
  return tarn::server::RunModuleProcess(
      argc, argv,
      {.name = "query",
       .summary = "SQL over the tables of the lake: execution, history, results.",
       .default_listen = "127.0.0.1:7102",
       .register_options = [&](auto& set) { tarn::query::RegisterOptions(set, &options); },
       .create = [&](const tarn::server::ModuleContext& context)
           -> absl::StatusOr<std::unique_ptr<tarn::server::Module>> {
         return std::make_unique<tarn::query::QueryModule>(options, context);
       }});
}

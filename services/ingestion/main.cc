// tarn-ingestion: the ingestion module as a process of its own.
#include "common/server/process.h"
#include "services/ingestion/ingestion_module.h"
#include "services/ingestion/ingestion_options.h"

int main(int argc, char** argv) {
  tarn::ingestion::IngestionOptions options;
  return tarn::server::RunModuleProcess(
      argc, argv,
      {
          .name = "ingestion",
          .summary = "Takes records and files, and delivers records to tables.",
          .default_listen = "127.0.0.1:7103",
          .register_options =
              [&](tarn::config::OptionSet& set) {
                tarn::ingestion::RegisterOptions(set, &options);
              },
          .create =
              [&](const tarn::server::ModuleContext& context) {
                return tarn::ingestion::CreateModule(options, context);
              },
      });
}

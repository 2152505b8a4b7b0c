// tarn-catalog: the catalog in a process of its own.
#include <memory>

#include "common/server/process.h"
#include "services/catalog/catalog_module.h"
#include "services/catalog/catalog_options.h"

int main(int argc, char** argv) {
  tarn::catalog::CatalogOptions options;
  return tarn::server::RunModuleProcess(
      argc, argv,
      {
          .name = "catalog",
          .summary = "Databases, tables and their snapshots; crawlers and maintenance.",
          .default_listen = "127.0.0.1:7101",
          .register_options =
              [&](tarn::config::OptionSet& set) { tarn::catalog::RegisterOptions(set, &options); },
          .create = [&](const tarn::server::ModuleContext& context)
              -> absl::StatusOr<std::unique_ptr<tarn::server::Module>> {
            return std::make_unique<tarn::catalog::CatalogModule>(options, context);
          },
      });
}

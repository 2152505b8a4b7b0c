// tarn-standalone: all six modules in one process, with a PostgreSQL of its own unless it is given
// one.
#include "common/config/option_set.h"
#include "common/server/process.h"
#include "services/alerting/alerting_module.h"
#include "services/catalog/catalog_module.h"
#include "services/dashboard/dashboard_module.h"
#include "services/dashboard/dashboard_options.h"
#include "services/ingestion/ingestion_module.h"
#include "services/query/query_module.h"
#include "services/query/worker/worker_session.h"
#include "services/standalone/data_folder.h"
#include "services/transform/transform_module.h"

namespace {

using tarn::config::OptionSet;
using tarn::server::Module;
using tarn::server::ModuleContext;
using tarn::server::ModuleSpec;

template <typename ModuleType, typename Options>
ModuleSpec Spec(const char* name, const char* listen, Options& options,
                void (*register_options)(OptionSet&, Options*)) {
  ModuleSpec spec;
  spec.name = name;
  spec.default_listen = listen;
  spec.register_options = [&options, register_options](OptionSet& set) {
    register_options(set, &options);
  };
  spec.create =
      [&options](const ModuleContext& context) -> absl::StatusOr<std::unique_ptr<Module>> {
    // A module whose options have to fit together checks them as its own program does.
    if constexpr (requires { ModuleType::Create(options, context); }) {
      return ModuleType::Create(options, context);
    } else {
      return std::make_unique<ModuleType>(options, context);
    }
  };
  return spec;
}

}  // namespace

int main(int argc, char** argv) {
  if (tarn::query::IsWorkerCommand(argc, argv)) return tarn::query::RunWorker(argc, argv);
  tarn::dashboard::DashboardOptions dashboard;
  tarn::catalog::CatalogOptions catalog;
  tarn::query::QueryOptions query;
  tarn::ingestion::IngestionOptions ingestion;
  tarn::transform::TransformOptions transform;
  tarn::alerting::AlertingOptions alerting;
  tarn::standalone::DataFolder data;

  tarn::server::ProcessSpec spec;
  spec.program = "tarn-standalone";
  spec.summary =
      "All of Tarn in one process. Modules talk within it; only the dashboard's two ports listen.";
  // Dashboard starts first and stops last: the others have their tokens from it.
  spec.modules = {
      Spec<tarn::dashboard::DashboardModule>("dashboard", "127.0.0.1:7100", dashboard,
                                             &tarn::dashboard::RegisterOptions),
      Spec<tarn::catalog::CatalogModule>("catalog", "", catalog, &tarn::catalog::RegisterOptions),
      Spec<tarn::query::QueryModule>("query", "", query, &tarn::query::RegisterOptions),
      Spec<tarn::ingestion::IngestionModule>("ingestion", "", ingestion,
                                             &tarn::ingestion::RegisterOptions),
      Spec<tarn::transform::TransformModule>("transform", "", transform,
                                             &tarn::transform::RegisterOptions),
      Spec<tarn::alerting::AlertingModule>("alerting", "", alerting,
                                           &tarn::alerting::RegisterOptions),
  };
  spec.register_options = [&data](OptionSet& set) {
    set.Add("data", data.path(), "folder of the lake, the keys and the private PostgreSQL");
  };
  spec.adjust = [&data](auto& options) { return data.Prepare(options); };
  spec.prepare = [&data](auto& options) { return data.Open(options); };
  spec.finish = [&data] { data.Close(); };
  return tarn::server::RunProcess(argc, argv, std::move(spec));
}

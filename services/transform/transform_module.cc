#include "services/transform/transform_module.h"

#include <grpcpp/server_builder.h>

#include "common/events/event.h"
#include "common/postgres/postgres_pool.h"
#include "common/postgres/storage_opener.h"
#include "common/status/status_macros.h"
#include "services/transform/migrations.h"
#include "services/transform/module_clients.h"
#include "services/transform/pipeline_manager.h"
#include "services/transform/run_changes.h"
#include "services/transform/run_launcher.h"
#include "services/transform/run_manager.h"
#include "services/transform/run_worker.h"
#include "services/transform/step_action.h"
#include "services/transform/transform_metrics.h"
#include "services/transform/transform_service.h"

namespace tarn::transform {
namespace {

PostgresPoolOptions PoolOptions(const TransformOptions& options,
                                const server::ModuleContext& context) {
  return {.dsn = context.postgres_dsn,
          .max_connections = static_cast<int>(options.postgres_connections),
          .application_name = "tarn-transform"};
}

RunWorkerOptions WorkerOptions(const TransformOptions& options) {
  return {.max_runs = static_cast<int>(options.max_runs),
          .poll_interval = options.poll_interval,
          .executor = {.max_parallel_steps = static_cast<int>(options.max_parallel_steps),
                       .lease_ttl = options.lease_ttl,
                       .poll_interval = options.poll_interval,
                       .steps = {}}};
}

}  // namespace

struct TransformModule::Parts {
  Parts(const TransformOptions& options_in, const server::ModuleContext& context_in)
      : options(options_in),
        context(context_in),
        pool(PoolOptions(options, context)),
        metrics(context.metrics),
        pipelines(pool, context.clock),
        runs(pool, context.clock, changes),
        service(pipelines, runs, storage, static_cast<int>(options.max_waiting_calls),
                context.HandlerOptions("transform")) {}

  absl::Status Open() {
    TARN_RETURN_IF_ERROR(MigrateTransform(pool));
    worker->Start();
    launcher->Start();
    return absl::OkStatus();
  }

  const TransformOptions options;
  const server::ModuleContext context;
  PostgresPool pool;
  // Starts the loops, too.
  StorageOpener storage{"transform", [this] { return Open(); }};
  RunChanges changes;
  TransformMetrics metrics;
  PipelineManager pipelines;
  RunManager runs;
  TransformServiceImpl service;
  // From Start on.
  std::unique_ptr<ModuleClients> clients;
  std::unique_ptr<StepActionFactory> actions;
  std::unique_ptr<RunWorker> worker;
  std::unique_ptr<RunLauncher> launcher;
};

TransformModule::TransformModule(TransformOptions options, const server::ModuleContext& context)
    : parts_(std::make_unique<Parts>(options, context)) {}

TransformModule::~TransformModule() { Stop(); }

void TransformModule::RegisterServices(grpc::ServerBuilder& builder) {
  builder.RegisterService(&parts_->service);
}

absl::Status TransformModule::Start() {
  Parts& parts = *parts_;
  parts.clients = std::make_unique<ModuleClients>(parts.context.services);
  parts.actions = std::make_unique<StepActionFactory>(*parts.clients, parts.context.tokens);
  parts.worker =
      std::make_unique<RunWorker>(RunExecutorTools{parts.pool, parts.context.clock, *parts.actions,
                                                   parts.changes, parts.metrics},
                                  WorkerOptions(parts.options));
  parts.launcher = std::make_unique<RunLauncher>(
      parts.pool, parts.context.clock, parts.changes, parts.metrics,
      RunLauncherOptions{.poll_interval = parts.options.poll_interval,
                         .run_retention = parts.options.run_retention});
  parts.storage.Start();
  return absl::OkStatus();
}

absl::Status TransformModule::Ready() {
  TARN_RETURN_IF_ERROR(parts_->storage.Check());
  return parts_->pool.CheckHealth();
}

void TransformModule::Drain() {
  parts_->service.Drain();
  parts_->changes.Notify();
  if (parts_->worker != nullptr) parts_->worker->Drain();
}

void TransformModule::Stop() {
  // First, so that the loops are not started any more.
  parts_->storage.Stop();
  if (parts_->launcher != nullptr) parts_->launcher->Stop();
  if (parts_->worker != nullptr) parts_->worker->Stop();
}

absl::Status MigrateTransform(PostgresPool& pool) {
  TARN_RETURN_IF_ERROR(events::Migrate(pool));
  return ApplyMigrations(pool, "transform", Migrations());
}

}  // namespace tarn::transform

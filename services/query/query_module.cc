#include "services/query/query_module.h"

#include <filesystem>
#include <optional>

#include <grpcpp/server_builder.h>

#include "common/lake/durable_file.h"
#include "common/lake/lake_paths.h"
#include "common/postgres/migrations.h"
#include "common/postgres/postgres_pool.h"
#include "common/postgres/storage_opener.h"
#include "common/rpc/service_directory.h"
#include "common/status/status_macros.h"
#include "services/query/housekeeper.h"
#include "services/query/migrations.h"
#include "services/query/query_manager.h"
#include "services/query/query_service.h"

namespace tarn::query {
namespace {

PostgresPoolOptions PoolOptions(const QueryOptions& options, const std::string& dsn) {
  PostgresPoolOptions pool;
  pool.dsn = dsn;
  pool.max_connections = static_cast<int>(options.max_concurrent) + 4;
  pool.application_name = "tarn-query";
  return pool;
}

}  // namespace

// Order of members is order of construction: what is used stands before what uses it.
struct QueryModule::Parts {
  Parts(QueryOptions query_options, const server::ModuleContext& module_context)
      : options(std::move(query_options)),
        context(module_context),
        metrics(context.metrics),
        pool(PoolOptions(options, context.postgres_dsn)),
        store(pool),
        service(storage, context.HandlerOptions("query")) {}

  absl::Status Start() {
    TARN_ASSIGN_OR_RETURN(lake::LakePaths lake, lake::LakePaths::Open(context.lake_path));
    WorkerPoolOptions pool_options;
    pool_options.lake_root = lake.root().string();
    pool_options.temp_directory = context.state_path + "/query/spill";
    pool_options.memory_limit_bytes = options.memory_per_query.bytes;
    pool_options.threads = static_cast<int>(options.threads_per_query);
    pool_options.max_idle = static_cast<size_t>(options.idle_workers);
    // What a killed process has spilled is garbage.
    std::error_code ignored;
    std::filesystem::remove_all(pool_options.temp_directory, ignored);
    TARN_RETURN_IF_ERROR(lake::CreateDirectoriesDurably(pool_options.temp_directory));
    workers.emplace(std::move(pool_options));
    results.emplace(lake);
    catalog.emplace(context.services.ChannelFor("catalog"));
    executor.emplace(*workers, *catalog, lake, static_cast<int>(options.threads_per_query));
    const auto is_open = [this] { return storage.Check().ok(); };
    manager.emplace(options, store, *results, *executor, context.tokens, metrics, is_open);
    housekeeper.emplace(options, pool, store, *results, is_open);
    service.set_manager(&*manager);
    storage.Start();
    manager->Start();
    housekeeper->Start();
    return absl::OkStatus();
  }

  const QueryOptions options;
  const server::ModuleContext context;
  QueryMetrics metrics;
  PostgresPool pool;
  StorageOpener storage{"query", [this] { return ApplyMigrations(pool, "query", Migrations()); }};
  QueryStore store;
  std::optional<WorkerPool> workers;
  std::optional<ResultStore> results;
  std::optional<CatalogClient> catalog;
  std::optional<StatementExecutor> executor;
  std::optional<QueryManager> manager;
  std::optional<Housekeeper> housekeeper;
  QueryServiceImpl service;
};

QueryModule::QueryModule(QueryOptions options, const server::ModuleContext& context)
    : parts_(std::make_unique<Parts>(std::move(options), context)) {}
QueryModule::~QueryModule() = default;

void QueryModule::RegisterServices(grpc::ServerBuilder& builder) {
  builder.RegisterService(&parts_->service);
}

absl::Status QueryModule::Start() { return parts_->Start(); }

absl::Status QueryModule::Ready() {
  TARN_RETURN_IF_ERROR(parts_->storage.Check());
  return parts_->pool.CheckHealth();
}

void QueryModule::Stop() {
  if (parts_->manager.has_value()) parts_->manager->Stop();
  if (parts_->housekeeper.has_value()) parts_->housekeeper->Stop();
  parts_->storage.Stop();
}

}  // namespace tarn::query

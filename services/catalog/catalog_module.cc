#include "services/catalog/catalog_module.h"

#include <unistd.h>

#include <absl/strings/str_cat.h>
#include <grpcpp/server_builder.h>

#include "common/ids/ids.h"
#include "common/lake/durable_file.h"
#include "common/status/status_macros.h"

namespace tarn::catalog {
namespace {

duckdb::DatabaseOptions EngineOptions(const CatalogOptions& options,
                                      const std::string& state_path) {
  duckdb::DatabaseOptions engine;
  engine.threads = static_cast<int>(options.engine_threads);
  engine.memory_limit_bytes = options.engine_memory.bytes;
  engine.temp_directory = state_path + "/catalog-spill";
  return engine;
}

// Unique to this process.
std::string Holder() { return absl::StrCat("catalog-", ::getpid(), "-", NewShortId()); }

}  // namespace

CatalogModule::CatalogModule(CatalogOptions options, const server::ModuleContext& context)
    : options_(options),
      lake_path_(context.lake_path),
      clock_(context.clock),
      metrics_(context.metrics),
      storage_(context.postgres_dsn, static_cast<int>(options.postgres_connections)),
      engine_(EngineOptions(options, context.state_path)),
      live_files_(options.scan_cache.bytes, metrics_),
      policy_engine_(PolicyEngineOptions()),
      service_(context.HandlerOptions("catalog"), storage_, live_files_, metrics_, jobs_),
      governance_service_(context.HandlerOptions("catalog"), storage_, policy_engine_),
      history_service_(context.HandlerOptions("catalog"), storage_),
      explanation_service_(context.HandlerOptions("catalog"), storage_) {}

CatalogModule::~CatalogModule() { Stop(); }

void CatalogModule::RegisterServices(grpc::ServerBuilder& builder) {
  builder.RegisterService(&service_);
  builder.RegisterService(&governance_service_);
  builder.RegisterService(&history_service_);
  builder.RegisterService(&explanation_service_);
}

absl::Status CatalogModule::Start() {
  TARN_ASSIGN_OR_RETURN(lake_, lake::LakePaths::Open(lake_path_));
  TARN_RETURN_IF_ERROR(lake::CheckWritableDirectory(lake_->root()));
  storage_.Start();

  const std::string holder = Holder();
  crawl_worker_ = std::make_unique<CrawlWorker>(
      storage_.pool(), *lake_, engine_, metrics_,
      CrawlWorkerOptions{holder, options_.lease, static_cast<size_t>(options_.max_problems)});
  maintenance_worker_ = std::make_unique<MaintenanceWorker>(storage_.pool(), *lake_, engine_,
                                                            metrics_, holder, options_.lease);
  garbage_collector_ = std::make_unique<GarbageCollector>(storage_.pool(), *lake_, metrics_);
  orphan_sweeper_ = std::make_unique<OrphanSweeper>(storage_.pool(), *lake_, metrics_, clock_,
                                                    options_.orphan_grace);

  upload_trigger_ = std::make_unique<UploadTrigger>(storage_.pool(), jobs_);

  // Until PostgreSQL is open there is no work.
  const auto when_open = [this](auto work) {
    return [this, work](const std::atomic<bool>& stop) -> absl::StatusOr<bool> {
      if (!storage_.Check().ok()) return false;
      return work(stop);
    };
  };
  for (int64_t i = 0; i < options_.crawl_workers; ++i) {
    loops_.push_back(std::make_unique<WorkLoop>("crawling", jobs_, options_.poll_interval,
                                                when_open([this](const std::atomic<bool>& stop) {
                                                  upload_trigger_->Start();
                                                  return crawl_worker_->RunOne(stop);
                                                })));
  }
  for (int64_t i = 0; i < options_.maintenance_workers; ++i) {
    loops_.push_back(std::make_unique<WorkLoop>("maintenance", jobs_, options_.poll_interval,
                                                when_open([this](const std::atomic<bool>& stop) {
                                                  return maintenance_worker_->RunOne(stop);
                                                })));
  }
  maintenance_policy_ = std::make_unique<MaintenancePolicy>(storage_.pool());
  loops_.push_back(std::make_unique<WorkLoop>(
      "starting compactions", garbage_signal_, options_.compaction_interval,
      when_open([this](const std::atomic<bool>&) -> absl::StatusOr<bool> {
        engine_.CloseUnused(absl::Now() - duckdb::kUnusedDatabaseTime);
        policy_engine_.CloseUnused(absl::Now() - duckdb::kUnusedDatabaseTime);
        TARN_ASSIGN_OR_RETURN(const int started, maintenance_policy_->StartCompactions());
        if (started > 0) jobs_.Notify();
        return false;
      })));
  loops_.push_back(std::make_unique<WorkLoop>(
      "starting expiries", garbage_signal_, options_.expiry_interval,
      when_open([this](const std::atomic<bool>&) -> absl::StatusOr<bool> {
        TARN_RETURN_IF_ERROR(maintenance_policy_->ForgetJobs().status());
        TARN_ASSIGN_OR_RETURN(const int started, maintenance_policy_->StartExpiries());
        if (started > 0) jobs_.Notify();
        return false;
      })));
  loops_.push_back(std::make_unique<WorkLoop>(
      "garbage collection", garbage_signal_, options_.garbage_interval,
      when_open([this](const std::atomic<bool>&) -> absl::StatusOr<bool> {
        TARN_RETURN_IF_ERROR(garbage_collector_->Run());
        return false;
      })));
  loops_.push_back(std::make_unique<WorkLoop>(
      "the orphan sweep", garbage_signal_, options_.orphan_interval,
      when_open([this](const std::atomic<bool>& stop) -> absl::StatusOr<bool> {
        TARN_RETURN_IF_ERROR(orphan_sweeper_->Run(stop));
        return false;
      })));
  return absl::OkStatus();
}

absl::Status CatalogModule::Ready() { return storage_.Ready(); }

void CatalogModule::Drain() {
  for (const auto& loop : loops_) loop->RequestStop();
}

void CatalogModule::Stop() {
  loops_.clear();
  upload_trigger_.reset();
  storage_.Stop();
}

}  // namespace tarn::catalog

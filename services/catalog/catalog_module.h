// The catalog as a module of a process: its storage, engine, workers and service, and their life.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/duckdb/lazy_database.h"
#include "common/server/module.h"
#include "common/server/module_context.h"
#include "services/catalog/catalog_metrics.h"
#include "services/catalog/catalog_options.h"
#include "services/catalog/catalog_service.h"
#include "services/catalog/change_signal.h"
#include "services/catalog/crawl/crawl_explanation_service.h"
#include "services/catalog/crawl/crawl_worker.h"
#include "services/catalog/crawl/upload_trigger.h"
#include "services/catalog/governance/governance_service.h"
#include "services/catalog/history/history_service.h"
#include "services/catalog/live_file_cache.h"
#include "services/catalog/maintenance/garbage_collector.h"
#include "services/catalog/maintenance/maintenance_policy.h"
#include "services/catalog/maintenance/maintenance_worker.h"
#include "services/catalog/maintenance/orphan_sweeper.h"
#include "services/catalog/storage.h"
#include "services/catalog/work_loop.h"

namespace tarn::catalog {

class CatalogModule final : public server::Module {
 public:
  CatalogModule(CatalogOptions options, const server::ModuleContext& context);
  ~CatalogModule() override;

  std::string_view name() const override { return "catalog"; }
  void RegisterServices(grpc::ServerBuilder& builder) override;
  // FAILED_PRECONDITION when the lake cannot be entered. PostgreSQL may be down: it is opened in
  // the background.
  absl::Status Start() override;
  absl::Status Ready() override;
  void Drain() override;
  void Stop() override;

 private:
  const CatalogOptions options_;
  const std::string lake_path_;
  Clock& clock_;
  CatalogMetrics metrics_;
  Storage storage_;
  ChangeSignal jobs_;
  duckdb::LazyDatabase engine_;
  LiveFileCache live_files_;
  duckdb::LazyDatabase policy_engine_;
  CatalogService service_;
  GovernanceService governance_service_;
  HistoryService history_service_;
  CrawlExplanationService explanation_service_;

  std::optional<lake::LakePaths> lake_;
  std::unique_ptr<CrawlWorker> crawl_worker_;
  std::unique_ptr<MaintenanceWorker> maintenance_worker_;
  std::unique_ptr<GarbageCollector> garbage_collector_;
  std::unique_ptr<MaintenancePolicy> maintenance_policy_;
  std::unique_ptr<OrphanSweeper> orphan_sweeper_;
  std::unique_ptr<UploadTrigger> upload_trigger_;
  ChangeSignal garbage_signal_;
  std::vector<std::unique_ptr<WorkLoop>> loops_;  // last: they use what is above
};

}  // namespace tarn::catalog

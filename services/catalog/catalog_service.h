// The catalog's gRPC service: decodes, checks the shape, calls the managers, encodes. No SQL, no
// rules. The methods stand by subject in catalog_service.cc (databases and tables),
// commit_service.cc (commits, snapshots, scans), crawler_service.cc and maintenance_service.cc.
//
// Synchronous; any number of threads. What it refers to outlives it.
#pragma once

#include "tarn/catalog/v1/catalog_service.grpc.pb.h"

#include "services/catalog/catalog_calls.h"
#include "services/catalog/change_signal.h"
#include "services/catalog/commit_manager.h"

namespace tarn::catalog {

struct CatalogMetrics;
class LiveFileCache;

class CatalogService final : public v1::CatalogService::Service, private CatalogCalls {
 public:
  // `jobs` is told of every job that is queued or ended.
  CatalogService(rpc::CallHandlerOptions handler, Storage& storage, LiveFileCache& live_files,
                 CatalogMetrics& metrics, ChangeSignal& jobs);

#define TARN_CATALOG_METHOD(name, Request, Response) \
  grpc::Status name(grpc::ServerContext*, const v1::Request*, v1::Response*) override
  TARN_CATALOG_METHOD(CreateDatabase, CreateDatabaseRequest, Database);
  TARN_CATALOG_METHOD(GetDatabase, GetDatabaseRequest, Database);
  TARN_CATALOG_METHOD(ListDatabases, ListDatabasesRequest, ListDatabasesResponse);
  TARN_CATALOG_METHOD(UpdateDatabase, UpdateDatabaseRequest, Database);
  TARN_CATALOG_METHOD(DeleteDatabase, DeleteDatabaseRequest, DeleteDatabaseResponse);
  TARN_CATALOG_METHOD(CreateTable, CreateTableRequest, Table);
  TARN_CATALOG_METHOD(GetTable, GetTableRequest, Table);
  TARN_CATALOG_METHOD(ListTables, ListTablesRequest, ListTablesResponse);
  TARN_CATALOG_METHOD(UpdateTable, UpdateTableRequest, Table);
  TARN_CATALOG_METHOD(DeleteTable, DeleteTableRequest, DeleteTableResponse);
  TARN_CATALOG_METHOD(CommitTable, CommitTableRequest, CommitTableResponse);
  TARN_CATALOG_METHOD(ListSnapshots, ListSnapshotsRequest, ListSnapshotsResponse);
  TARN_CATALOG_METHOD(GetSnapshot, GetSnapshotRequest, Snapshot);
  TARN_CATALOG_METHOD(GetLogPosition, GetLogPositionRequest, GetLogPositionResponse);
  TARN_CATALOG_METHOD(CreateCrawler, CreateCrawlerRequest, Crawler);
  TARN_CATALOG_METHOD(GetCrawler, GetCrawlerRequest, Crawler);
  TARN_CATALOG_METHOD(ListCrawlers, ListCrawlersRequest, ListCrawlersResponse);
  TARN_CATALOG_METHOD(UpdateCrawler, UpdateCrawlerRequest, Crawler);
  TARN_CATALOG_METHOD(DeleteCrawler, DeleteCrawlerRequest, DeleteCrawlerResponse);
  TARN_CATALOG_METHOD(StartCrawl, StartCrawlRequest, Crawl);
  TARN_CATALOG_METHOD(GetCrawl, GetCrawlRequest, Crawl);
  TARN_CATALOG_METHOD(ListCrawls, ListCrawlsRequest, ListCrawlsResponse);
  TARN_CATALOG_METHOD(CancelCrawl, CancelCrawlRequest, Crawl);
  TARN_CATALOG_METHOD(StartMaintenance, StartMaintenanceRequest, MaintenanceJob);
  TARN_CATALOG_METHOD(GetMaintenanceJob, GetMaintenanceJobRequest, MaintenanceJob);
  TARN_CATALOG_METHOD(CancelMaintenanceJob, CancelMaintenanceJobRequest, MaintenanceJob);
  TARN_CATALOG_METHOD(ListMaintenanceJobs, ListMaintenanceJobsRequest, ListMaintenanceJobsResponse);
#undef TARN_CATALOG_METHOD
  grpc::Status PlanScan(grpc::ServerContext* context, const v1::PlanScanRequest* request,
                        grpc::ServerWriter<v1::PlanScanResponse>* writer) override;

 private:
  LiveFileCache& live_files_;
  CatalogMetrics& metrics_;
  ChangeSignal& jobs_;
  CommitManager commits_;
};

}  // namespace tarn::catalog

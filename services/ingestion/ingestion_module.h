// The ingestion module: its parts, how they come up and how they end.
//
// Needs its disk to start; PostgreSQL and catalog may be away at any time: until PostgreSQL was
// there once, no stream is known and calls answer UNAVAILABLE; after that records are acknowledged
// without it, and delivery waits.
#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "common/http/http_server.h"
#include "common/lake/lake_paths.h"
#include "common/lease/lease.h"
#include "common/postgres/postgres_pool.h"
#include "common/postgres/storage_opener.h"
#include "common/server/module.h"
#include "common/server/module_context.h"
#include "services/ingestion/activity/activity_preview.h"
#include "services/ingestion/activity/activity_service.h"
#include "services/ingestion/activity/function_caller.h"
#include "services/ingestion/activity/query_relation_source.h"
#include "services/ingestion/activity/relation_tables.h"
#include "services/ingestion/delivery/catalog_client.h"
#include "services/ingestion/delivery/delivery_scheduler.h"
#include "services/ingestion/device/device_manager.h"
#include "services/ingestion/device/device_registry.h"
#include "services/ingestion/device/device_registry_service.h"
#include "services/ingestion/device/device_store.h"
#include "services/ingestion/http/records_handler.h"
#include "services/ingestion/ingest/ingest_calls.h"
#include "services/ingestion/ingest/stream_finder.h"
#include "services/ingestion/ingestion_metrics.h"
#include "services/ingestion/ingestion_options.h"
#include "services/ingestion/ingestion_service.h"
#include "services/ingestion/landing/drop_folder.h"
#include "services/ingestion/mqtt/connector_host.h"
#include "services/ingestion/mqtt/connector_manager.h"
#include "services/ingestion/mqtt/connector_service.h"
#include "services/ingestion/raw/raw_copy_store.h"
#include "services/ingestion/raw/raw_metrics.h"
#include "services/ingestion/raw/raw_retention.h"
#include "services/ingestion/record/parquet_converter.h"
#include "services/ingestion/record_writer.h"
#include "services/ingestion/reprocess/log_watch.h"
#include "services/ingestion/reprocess/reprocess_manager.h"
#include "services/ingestion/reprocess/reprocess_outcome_store.h"
#include "services/ingestion/reprocess/reprocess_service.h"
#include "services/ingestion/reprocess/reprocess_store.h"
#include "services/ingestion/reprocess/reprocess_worker.h"
#include "services/ingestion/stream/dead_letter_store.h"
#include "services/ingestion/stream/delivery_store.h"
#include "services/ingestion/stream/stream_registry.h"
#include "services/ingestion/stream/stream_store.h"
#include "services/ingestion/stream_manager.h"
#include "services/ingestion/upload/file_upload.h"
#include "services/ingestion/wal/write_ahead_log.h"

namespace tarn::ingestion {

class IngestionModule : public server::Module {
 public:
  IngestionModule(const IngestionOptions& options, const server::ModuleContext& context);
  ~IngestionModule() override;

  std::string_view name() const override { return "ingestion"; }
  void RegisterServices(grpc::ServerBuilder& builder) override;
  absl::Status Start() override;
  absl::Status Ready() override;
  std::map<std::string, std::string> ExtraAddresses() const override;
  void Drain() override;
  void Stop() override;

 private:
  // Migrates, takes the log's lease, learns the streams; then starts delivery and the chores.
  absl::Status SetUp();
  absl::Status StartHttp();
  // What the runner's poll, once a second, found last.
  absl::Status LastReadiness();
  void DoChores();
  // False when the module is to stop.
  bool WaitFor(absl::Duration duration);

  const IngestionOptions options_;
  const server::ModuleContext context_;
  IngestionMetrics metrics_;
  IngestionService service_;

  PostgresPool pool_;
  StorageOpener storage_{"ingestion", [this] { return SetUp(); }};
  StreamStore store_{pool_};
  DeliveryStore deliveries_{pool_};
  DeadLetterStore dead_letters_{pool_};
  StreamRegistry registry_{store_};
  StreamFinder finder_{registry_};
  IngestCalls ingest_calls_;
  DeviceStore device_store_{pool_, options_.max_devices};
  DeviceManager devices_{device_store_};
  DeviceRegistry device_registry_{device_store_, context_.clock};
  QueryRelationSource relations_{context_.services, context_.tokens, device_registry_};
  FunctionCaller functions_{options_.function_addresses, context_.clock};
  ActivityPreview activity_preview_{relations_, functions_, context_.clock};
  ActivityService activity_service_{context_.HandlerOptions("ingestion")};
  DeviceRegistryService device_service_{context_.HandlerOptions("ingestion"), devices_, storage_};
  mqtt::MqttMetrics mqtt_metrics_{context_.metrics};
  mqtt::ConnectorStore connector_store_{pool_};
  // Calls come when SetUp is done, and the host is there.
  mqtt::ConnectorManager connectors_{connector_store_, [this] { connector_host_->Notify(); }};
  mqtt::ConnectorService connector_service_{context_.HandlerOptions("ingestion"), connectors_,
                                            storage_};
  RawMetrics raw_metrics_{context_.metrics};
  RawCopyStore raw_copies_{pool_};
  ReprocessStore reprocess_store_{pool_};
  ReprocessOutcomeStore reprocess_outcomes_{pool_};
  // Calls come when SetUp is done, and the worker is there.
  ReprocessManager reprocesses_{reprocess_store_, store_, context_.clock,
                                [this] { reprocess_worker_->Notify(); }};
  ReprocessService reprocess_service_{context_.HandlerOptions("ingestion"), reprocesses_, storage_};
  // From Start on.
  std::optional<lake::LakePaths> lake_;
  std::optional<ParquetConverter> converter_;
  std::optional<RelationTables> relation_tables_;
  std::unique_ptr<CatalogClient> catalog_;
  std::unique_ptr<WriteAheadLog> wal_;
  Lease lease_;
  std::unique_ptr<DeliveryScheduler> scheduler_;
  std::unique_ptr<RawRetention> raw_retention_;
  std::unique_ptr<LogWatch> log_watch_;
  std::optional<ReprocessDependencies> reprocess_dependencies_;
  std::unique_ptr<RecordWriter> writer_;
  std::unique_ptr<StreamManager> streams_;
  std::unique_ptr<FileUploads> uploads_;
  std::unique_ptr<DropFolder> drop_folder_;
  std::unique_ptr<RecordsHandler> records_handler_;
  std::unique_ptr<HttpServer> http_;
  std::unique_ptr<mqtt::ConnectorHost> connector_host_;
  std::unique_ptr<ReprocessWorker> reprocess_worker_;

  std::mutex mutex_;
  absl::Status readiness_ = absl::UnavailableError("ingestion is starting");
  std::condition_variable stop_changed_;
  bool stop_ = false;
  std::thread chores_;
};

// For server::ModuleSpec.
absl::StatusOr<std::unique_ptr<server::Module>> CreateModule(const IngestionOptions& options,
                                                             const server::ModuleContext& context);

}  // namespace tarn::ingestion

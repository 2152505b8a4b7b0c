#include "services/ingestion/ingestion_module.h"

#include <unistd.h>

#include <absl/strings/str_cat.h>
#include <grpcpp/server_builder.h>

#include "common/events/event.h"
#include "common/idempotency/idempotency.h"
#include "common/ids/ids.h"
#include "common/lake/durable_file.h"
#include "common/logging/logging.h"
#include "common/postgres/migrations.h"
#include "common/rpc/service_directory.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/ingestion/migrations.h"
#include "services/ingestion/record/record_check.h"

namespace tarn::ingestion {
namespace {

namespace fs = std::filesystem;

constexpr absl::Duration kChoresPause = absl::Seconds(2);
constexpr absl::Duration kReloadPause = absl::Seconds(10);
constexpr absl::Duration kPurgePause = absl::Minutes(30);
// How long reprocesses that have ended are remembered.
constexpr absl::Duration kReprocessAge = absl::Hours(24 * 30);

PostgresPoolOptions PoolOptions(const IngestionOptions& options,
                                const server::ModuleContext& context) {
  PostgresPoolOptions pool;
  pool.dsn = context.postgres_dsn;
  pool.max_connections = static_cast<int>(options.postgres_connections);
  pool.application_name = "tarn-ingestion";
  return pool;
}

}  // namespace

IngestionModule::IngestionModule(const IngestionOptions& options,
                                 const server::ModuleContext& context)
    : options_(options),
      context_(context),
      metrics_(context.metrics),
      service_(context.HandlerOptions("ingestion")),
      pool_(PoolOptions(options, context)),
      ingest_calls_(options.max_ingest_calls, metrics_) {}

IngestionModule::~IngestionModule() { Stop(); }

void IngestionModule::RegisterServices(grpc::ServerBuilder& builder) {
  builder.RegisterService(&service_);
  builder.RegisterService(&activity_service_);
  builder.RegisterService(&device_service_);
  builder.RegisterService(&connector_service_);
  builder.RegisterService(&reprocess_service_);
}

absl::Status IngestionModule::Start() {
  const fs::path state(context_.state_path);
  TARN_ASSIGN_OR_RETURN(lake_, lake::LakePaths::Open(context_.lake_path));
  TARN_RETURN_IF_ERROR(lake::CheckWritableDirectory(lake_->root()));
  WriteAheadLogOptions wal;
  wal.folder = state / "wal";
  wal.segment_bytes = options_.wal_segment_size.bytes;
  wal.max_bytes = options_.wal_max_size.bytes;
  wal.cache_bytes = options_.wal_cache_size.bytes;
  wal.max_queued_bytes = options_.wal_queue_size.bytes;
  wal.max_full_wait = options_.wal_full_wait;
  wal.producer_retention = options_.producer_retention;
  wal.max_producers = options_.max_producers;
  TARN_ASSIGN_OR_RETURN(wal_, WriteAheadLog::Open(std::move(wal), context_.clock, metrics_));
  const WalOpenReport& report = wal_->open_report();
  logging::Info("ingestion", "opened the write-ahead log",
                {{"log", wal_->uuid()},
                 {"segments", report.segments},
                 {"records", report.records},
                 {"torn_bytes", report.torn_bytes},
                 {"damaged_bytes", report.damaged_bytes}});
  // The log's folder is locked now: what lies in the work folder is nobody else's.
  TARN_ASSIGN_OR_RETURN(
      converter_, ParquetConverter::Open({.work_folder = state / "ingestion-work",
                                          .lake_folder = lake_->root(),
                                          .threads = static_cast<int>(options_.engine_threads),
                                          .memory_limit_bytes = options_.engine_memory.bytes}));
  relation_tables_.emplace(converter_->engine(), relations_, context_.clock);
  const ActivityEnvironment activities{.relations = &*relation_tables_,
                                       .functions = &functions_,
                                       .time_limit = options_.activity_timeout};
  catalog_ =
      std::make_unique<CatalogClient>(context_.services.ChannelFor("catalog"), context_.tokens);
  scheduler_ = std::make_unique<DeliveryScheduler>(
      DeliveryDependencies{*wal_, deliveries_, *catalog_, *converter_, *lake_, context_.clock,
                           metrics_, lease_, activities, state / "ingestion-seen"},
      RawDeliveryDependencies{*wal_, raw_copies_, *lake_, raw_metrics_, lease_}, registry_,
      static_cast<int>(options_.delivery_workers));
  wal_->OnDurable([this](const std::string& lane) { scheduler_->Notify(lane); });
  raw_retention_ =
      std::make_unique<RawRetention>(raw_copies_, *lake_, context_.clock, raw_metrics_);
  log_watch_ = std::make_unique<LogWatch>(reprocess_store_, registry_, *wal_, *scheduler_,
                                          context_.clock, lease_);
  reprocess_dependencies_.emplace(
      ReprocessDependencies{reprocess_store_, reprocess_outcomes_, store_, *catalog_, *converter_,
                            *lake_, activities, state / "ingestion-work", options_.log_away_time});
  writer_ = std::make_unique<RecordWriter>(*wal_, metrics_);
  streams_ =
      std::make_unique<StreamManager>(StreamStores{store_, deliveries_, dead_letters_}, registry_,
                                      *wal_, *scheduler_, activities, context_.clock, metrics_);
  // The log's folder, and with it the UUID, belongs to one process at a time.
  uploads_ = std::make_unique<FileUploads>(*lake_, pool_, context_.clock, metrics_, wal_->uuid(),
                                           options_.upload_expiry);
  uploads_->RemoveLeftovers();
  service_.SetCore({*streams_, registry_, *writer_, *uploads_, finder_, ingest_calls_,
                    context_.clock, options_.ingest_in_flight_size.bytes, storage_});
  activity_service_.SetCore({activity_preview_, registry_, *wal_, context_.clock, storage_});
  TARN_RETURN_IF_ERROR(StartHttp());
  storage_.Start();
  return absl::OkStatus();
}

absl::Status IngestionModule::StartHttp() {
  if (options_.http_listen.empty()) return absl::OkStatus();
  records_handler_ = std::make_unique<RecordsHandler>(
      context_.HandlerOptions("ingestion"),
      [this]() -> absl::StatusOr<std::shared_ptr<grpc::Channel>> {
        // In one process channels exist only when all servers have been built.
        if (!context_.gate.IsOpen()) {
          return Unavailable("MODULE_NOT_SERVING",
                             "ingestion is starting or stopping; try again in a moment");
        }
        return context_.services.ChannelFor("dashboard");
      },
      context_.clock, storage_, finder_, *writer_, [this] { return LastReadiness(); });
  HttpServerOptions http;
  http.module = "ingestion";
  http.listen = options_.http_listen;
  http.listen_option = "ingestion.http_listen";
  http.tls = context_.tls;
  http.allow_insecure = context_.allow_insecure_listen;
  http.threads = static_cast<int>(options_.http_threads);
  http.max_body_bytes = kMaxRequestBytes;
  TARN_ASSIGN_OR_RETURN(
      http_, HttpServer::Start(
                 http, [this](HttpRequest request, std::shared_ptr<HttpResponder> responder) {
                   records_handler_->Handle(std::move(request), std::move(responder));
                 }));
  return absl::OkStatus();
}

std::map<std::string, std::string> IngestionModule::ExtraAddresses() const {
  if (http_ == nullptr) return {};
  return {{"ingestion_http", http_->address()}};
}

absl::Status IngestionModule::SetUp() {
  TARN_RETURN_IF_ERROR(events::Migrate(pool_));
  TARN_RETURN_IF_ERROR(ApplyMigrations(pool_, "ingestion", Migrations()));
  const std::string holder = absl::StrCat("ingestion-", ::getpid(), "-", NewShortId());
  TARN_ASSIGN_OR_RETURN(lease_, deliveries_.TakeLog(wal_->uuid(), holder));
  TARN_RETURN_IF_ERROR(registry_.Reload());
  // Before the drop folder: an intent of before a kill must not meet the file's next try.
  TARN_RETURN_IF_ERROR(uploads_->FinishIntents());
  scheduler_->Start();
  const fs::path secrets = options_.connector_secrets_path.empty()
                               ? fs::path(context_.state_path) / "connector-secrets"
                               : fs::path(options_.connector_secrets_path);
  connector_host_ = std::make_unique<mqtt::ConnectorHost>(
      mqtt::ConnectorDependencies{pool_, connector_store_, registry_, *wal_, context_.tokens,
                                  context_.verifier, mqtt_metrics_, secrets,
                                  options_.connector_lease},
      holder, options_.max_connectors);
  connector_host_->Start();
  drop_folder_ =
      std::make_unique<DropFolder>(*lake_, *uploads_, context_.clock, context_.metrics,
                                   DropFolderOptions{.settle_time = options_.drop_settle_time});
  drop_folder_->Start();
  reprocess_worker_ = std::make_unique<ReprocessWorker>(
      *reprocess_dependencies_, pool_, *log_watch_, context_.metrics,
      ReprocessWorkerOptions{.holder = holder, .lease = options_.reprocess_lease});
  reprocess_worker_->Start();
  logging::Info("ingestion", "serving", {{"log_epoch", lease_.epoch}});
  chores_ = std::thread([this] { DoChores(); });
  return absl::OkStatus();
}

bool IngestionModule::WaitFor(absl::Duration duration) {
  std::unique_lock lock(mutex_);
  return !stop_changed_.wait_for(lock, absl::ToChronoMilliseconds(duration), [&] { return stop_; });
}

void IngestionModule::DoChores() {
  absl::Time reload = absl::InfinitePast();
  absl::Time purge = absl::InfinitePast();
  absl::Time retention = absl::InfinitePast();
  bool told = false;
  do {
    absl::Status status = wal_->RemoveDeliveredSegments();
    const absl::Time now = absl::Now();
    relation_tables_->DropUnused();
    converter_->engine().CloseUnused(now - duckdb::kUnusedDatabaseTime);
    if (status.ok() && now >= reload) {
      status = registry_.Reload();
      if (status.ok()) status = uploads_->FinishIntents();
      if (status.ok()) status = streams_->DoChores();
      reload = now + kReloadPause;
    }
    if (status.ok() && now >= retention) {
      status = raw_retention_->Run();
      retention = now + options_.raw_retention_interval;
    }
    if (status.ok() && now >= purge) {
      status = idempotency::Purge(pool_, "ingestion").status();
      status.Update(reprocess_store_.Forget(kReprocessAge));
      uploads_->RemoveLeftovers();
      purge = now + kPurgePause;
    }
    if (!status.ok() && !told) logging::Warn("ingestion", "chores are put off", status);
    told = !status.ok();
  } while (WaitFor(kChoresPause));
}

void IngestionModule::Drain() {
  if (http_ != nullptr) http_->Drain();
  ingest_calls_.Drain();
}

absl::Status IngestionModule::Ready() {
  absl::Status ready = storage_.Check();
  if (ready.ok()) ready = pool_.CheckHealth();
  std::lock_guard lock(mutex_);
  readiness_ = ready;
  return ready;
}

absl::Status IngestionModule::LastReadiness() {
  std::lock_guard lock(mutex_);
  return readiness_;
}

void IngestionModule::Stop() {
  if (http_ != nullptr) {
    http_->Close();
    records_handler_->Stop();
    http_->Stop();
  }
  finder_.Stop();
  // First of the rest, so that nothing is started any more.
  storage_.Stop();
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  stop_changed_.notify_all();
  if (chores_.joinable()) chores_.join();
  if (connector_host_ != nullptr) connector_host_->Stop();
  if (drop_folder_ != nullptr) drop_folder_->Stop();
  if (reprocess_worker_ != nullptr) reprocess_worker_->Stop();
  if (scheduler_ != nullptr) scheduler_->Stop();
}

absl::StatusOr<std::unique_ptr<server::Module>> CreateModule(const IngestionOptions& options,
                                                             const server::ModuleContext& context) {
  return std::make_unique<IngestionModule>(options, context);
}

}  // namespace tarn::ingestion

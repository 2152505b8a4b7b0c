#include "services/dashboard/dashboard_module.h"

#include <filesystem>
#include <mutex>

#include <grpcpp/server_builder.h>

#include "common/http/http_server.h"
#include "common/postgres/postgres_pool.h"
#include "common/postgres/storage_opener.h"
#include "common/rpc/service_directory.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/dashboard/dashboard_housekeeping.h"
#include "services/dashboard/gateway/gateway_metrics.h"
#include "services/dashboard/gateway/grpc_gateway.h"
#include "services/dashboard/http/connect_handler.h"
#include "services/dashboard/http/http_router.h"
#include "services/dashboard/http/records_forwarder.h"
#include "services/dashboard/http/web_files.h"
#include "services/dashboard/identity/auth_service.h"
#include "services/dashboard/identity/first_start.h"
#include "services/dashboard/identity/identity_manager.h"
#include "services/dashboard/identity/postgres_identity_store.h"
#include "services/dashboard/migrations.h"
#include "services/dashboard/render/dashboard_renderer.h"
#include "services/dashboard/render/grpc_query_runner.h"
#include "services/dashboard/resources/dashboard_service.h"

namespace tarn::dashboard {
namespace {

PostgresPoolOptions PoolOptions(const DashboardOptions& options, const std::string& dsn) {
  PostgresPoolOptions pool;
  pool.dsn = dsn;
  pool.max_connections = static_cast<int>(options.postgres_connections);
  pool.application_name = "tarn-dashboard";
  return pool;
}

DashboardOptions Resolve(DashboardOptions options, const server::ModuleContext& context) {
  if (options.admin_key_file.empty()) {
    options.admin_key_file = context.state_path + "/secrets/admin.key";
  }
  if (options.signing_key_file.empty()) {
    options.signing_key_file = context.state_path + "/secrets/signing.pem";
  }
  return options;
}

}  // namespace

// Order of members is order of construction: what is used stands before what uses it.
class DashboardModule::Impl {
 public:
  Impl(DashboardOptions options, const server::ModuleContext& context)
      : options_(Resolve(std::move(options), context)),
        clock_(context.clock),
        key_files_{options_.admin_key_file, context.service_key_file},
        pool_(PoolOptions(options_, context.postgres_dsn)),
        identity_(identity_store_, context.clock),
        datasets_(pool_, context.clock, DatasetKind()),
        dashboards_(pool_, context.clock, DashboardKind()),
        queries_([&services = context.services] { return services.ChannelFor("query"); }),
        gateway_metrics_(context.metrics),
        channels_(ChannelsOf(context)),
        gateway_(channels_, gateway_metrics_),
        connect_({.channels = channels_,
                  .secure_cookie = context.tls.enabled(),
                  .behind_proxy = options_.behind_proxy},
                 gateway_metrics_),
        records_(
            connect_, [this] { return channels_("dashboard"); }, context.clock),
        files_(options_.web_path.empty() ? DefaultWebPath()
                                         : std::filesystem::path(options_.web_path)),
        router_(connect_, records_, files_, gateway_metrics_, [this] { return LastReadiness(); }),
        tls_(context.tls),
        allow_insecure_listen_(context.allow_insecure_listen),
        renderer_(queries_, context.clock, static_cast<size_t>(options_.render_concurrency)),
        auth_service_(identity_, storage_, context.HandlerOptions("dashboard")),
        dashboard_service_(datasets_, dashboards_, renderer_, storage_,
                           context.HandlerOptions("dashboard")) {}

  void RegisterServices(grpc::ServerBuilder& builder) {
    builder.RegisterService(&auth_service_);
    builder.RegisterService(&dashboard_service_);
    builder.RegisterCallbackGenericService(&gateway_);
  }

  absl::Status Start() {
    TARN_ASSIGN_OR_RETURN(auth::TokenSigner signer,
                          auth::TokenSigner::LoadOrCreate(options_.signing_key_file));
    identity_.SetSigner(std::move(signer));
    TARN_RETURN_IF_ERROR(CheckKeyFiles(key_files_));
    // First, so that a port that is taken is told before anything is made in the database.
    TARN_RETURN_IF_ERROR(StartHttp());
    storage_.Start();
    return absl::OkStatus();
  }

  absl::Status Ready() {
    absl::Status ready = storage_.Check();
    if (ready.ok()) ready = pool_.CheckHealth();
    std::lock_guard lock(mutex_);
    readiness_ = ready;
    return ready;
  }

  std::map<std::string, std::string> ExtraAddresses() const {
    if (http_ == nullptr) return {};
    return {{"http", http_->address()}};
  }

  void Drain() {
    if (http_ != nullptr) http_->Drain();
  }

  void Stop() {
    if (http_ != nullptr) {
      http_->Close();
      records_.Stop();
      connect_.Stop();
      http_->Stop();
    }
    // First, so that it is not started any more.
    storage_.Stop();
    housekeeping_.Stop();
  }

 private:
  static ModuleChannels ChannelsOf(const server::ModuleContext& context) {
    // The gate: in one process channels exist only when all servers have been built.
    return [&services = context.services, &gate = context.gate](
               const std::string& module) -> absl::StatusOr<std::shared_ptr<grpc::Channel>> {
      if (!gate.IsOpen()) {
        return Unavailable("MODULE_NOT_SERVING",
                           "dashboard is starting or stopping; try again in a moment");
      }
      return services.ChannelFor(module);
    };
  }

  absl::Status StartHttp() {
    if (options_.http_listen.empty()) return absl::OkStatus();
    HttpServerOptions http;
    http.module = "dashboard";
    http.listen_option = "dashboard.http_listen";
    http.listen = options_.http_listen;
    http.tls = tls_;
    http.allow_insecure = allow_insecure_listen_;
    http.threads = static_cast<int>(options_.http_threads);
    TARN_ASSIGN_OR_RETURN(
        http_, HttpServer::Start(
                   http, [this](HttpRequest request, std::shared_ptr<HttpResponder> responder) {
                     router_.Handle(std::move(request), std::move(responder));
                   }));
    return absl::OkStatus();
  }

  // What the runner's poll, once a second, found last.
  absl::Status LastReadiness() {
    std::lock_guard lock(mutex_);
    return readiness_;
  }

  absl::Status OpenStorage() {
    TARN_RETURN_IF_ERROR(ApplyMigrations(pool_, "dashboard", Migrations()));
    TARN_RETURN_IF_ERROR(EnsureFirstKeys(key_files_, identity_store_, clock_));
    housekeeping_.Start();
    return absl::OkStatus();
  }

  const DashboardOptions options_;
  Clock& clock_;
  const KeyFiles key_files_;
  PostgresPool pool_;
  PostgresIdentityStore identity_store_{pool_};
  DashboardHousekeeping housekeeping_{pool_};
  StorageOpener storage_{"dashboard", [this] { return OpenStorage(); }};
  IdentityManager identity_;
  DatasetManager datasets_;
  DashboardManager dashboards_;
  GrpcQueryRunner queries_;
  GatewayMetrics gateway_metrics_;
  const ModuleChannels channels_;
  GrpcGateway gateway_;
  ConnectHandler connect_;
  RecordsForwarder records_;
  WebFiles files_;
  HttpRouter router_;
  const server::TlsFiles tls_;
  const bool allow_insecure_listen_;
  std::unique_ptr<HttpServer> http_;
  std::mutex mutex_;
  absl::Status readiness_ = absl::UnavailableError("dashboard is starting");
  DashboardRenderer renderer_;
  AuthServiceImpl auth_service_;
  DashboardServiceImpl dashboard_service_;
};

DashboardModule::DashboardModule(DashboardOptions options, const server::ModuleContext& context)
    : impl_(std::make_unique<Impl>(std::move(options), context)) {}
DashboardModule::~DashboardModule() = default;

void DashboardModule::RegisterServices(grpc::ServerBuilder& builder) {
  impl_->RegisterServices(builder);
}
absl::Status DashboardModule::Start() { return impl_->Start(); }
absl::Status DashboardModule::Ready() { return impl_->Ready(); }
std::map<std::string, std::string> DashboardModule::ExtraAddresses() const {
  return impl_->ExtraAddresses();
}
void DashboardModule::Drain() { impl_->Drain(); }
void DashboardModule::Stop() { impl_->Stop(); }

}  // namespace tarn::dashboard

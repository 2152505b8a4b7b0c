#include "common/server/process.h"

#include <iostream>
#include <map>
#include <unistd.h>

#include <absl/strings/str_join.h>
#include <grpc/support/log.h>
#include <grpcpp/security/credentials.h>
#include <sys/stat.h>

#include "common/auth/remote_key_source.h"
#include "common/auth/remote_token_provider.h"
#include "common/auth/token_verifier.h"
#include "common/clock/clock.h"
#include "common/config/option_set.h"
#include "common/logging/logging.h"
#include "common/metrics/metrics.h"
#include "common/metrics/metrics_server.h"
#include "common/rpc/service_directory.h"
#include "common/server/listen_address.h"
#include "common/server/module_host.h"
#include "common/server/ready_file.h"
#include "common/server/stop_signals.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"

namespace tarn::server {
namespace {

constexpr int kStartFailed = 1;
constexpr int kBadOptions = 2;

// What the modules of a process share. Order of members is order of construction.
class Process {
 public:
  Process(const ProcessOptions& options, std::shared_ptr<grpc::ChannelCredentials> credentials)
      : options_(options), services_(options.addresses, std::move(credentials)) {}

  // Builds and starts the modules; `listen` has the address of each by name.
  absl::Status Start(const std::vector<ModuleSpec>& specs,
                     const std::map<std::string, std::string>& listen) {
    if (!options_.metrics_listen.empty()) {
      TARN_RETURN_IF_ERROR(ServeMetrics());
    }
    for (const ModuleSpec& spec : specs) {
      TARN_ASSIGN_OR_RETURN(std::unique_ptr<Module> module, spec.create(ContextFor(spec.name)));
      host_.Add(std::move(module), {.module = spec.name,
                                    .listen = listen.at(spec.name),
                                    .listen_option = spec.name + ".listen",
                                    .tls = options_.tls_files(),
                                    .allow_insecure = options_.allow_insecure_listen});
    }
    return host_.Start();
  }

  void Stop() { host_.Stop(options_.shutdown_grace); }

  std::map<std::string, std::string> Addresses() const {
    std::map<std::string, std::string> addresses = host_.addresses();
    if (metrics_server_ != nullptr) {
      const std::string& listen = options_.metrics_listen;
      addresses["metrics"] =
          listen.substr(0, listen.rfind(':') + 1) + std::to_string(metrics_server_->port());
    }
    return addresses;
  }

 private:
  absl::Status ServeMetrics();

  ModuleContext ContextFor(const std::string& module) {
    return {.services = services_,
            .verifier = verifier_,
            .tokens = tokens_,
            .metrics = metrics_,
            .clock = SystemClock(),
            .gate = host_.GateFor(module),
            .postgres_dsn = options_.postgres_dsn,
            .lake_path = options_.lake_path,
            .state_path = options_.state_path,
            .service_key_file = options_.service_key_file,
            .tls = options_.tls_files(),
            .allow_insecure_listen = options_.allow_insecure_listen};
  }

  const ProcessOptions& options_;
  Metrics metrics_;
  std::unique_ptr<MetricsServer> metrics_server_;
  rpc::ServiceDirectory services_;
  // In dashboard's own process these call through its in-process channel like everybody else.
  auth::ChannelSource dashboard_ = [this] { return services_.ChannelFor("dashboard"); };
  auth::RemoteKeySource keys_{dashboard_};
  auth::TokenVerifier verifier_{keys_, SystemClock()};
  auth::RemoteTokenProvider tokens_{dashboard_, options_.service_key_file, SystemClock()};
  ModuleHost host_{services_};
};

absl::Status Process::ServeMetrics() {
  TARN_ASSIGN_OR_RETURN(ListenAddress address,
                        ParseListenAddress(options_.metrics_listen, "common.metrics_listen"));
  if (!address.IsLoopback() && !options_.allow_insecure_listen) {
    return FailedPrecondition("INSECURE_LISTENER",
                              "common.metrics_listen: metrics go without encryption, and other "
                              "machines could reach " +
                                  options_.metrics_listen +
                                  "; listen on 127.0.0.1, or give --allow-insecure-listen");
  }
  TARN_ASSIGN_OR_RETURN(metrics_server_, MetricsServer::Start(options_.metrics_listen, metrics_));
  return absl::OkStatus();
}

// gRPC's own errors become lines of the log like all others.
void LogGrpc(gpr_log_func_args* line) {
  if (line->severity == GPR_LOG_SEVERITY_ERROR) {
    logging::Warn("grpc", line->message, {{"file", line->file}, {"line", line->line}});
  }
}

int Complain(const std::string& program, const absl::Status& status, int exit_code) {
  std::cerr << program << ": " << std::string_view(status.message().data(), status.message().size())
            << std::endl;
  return exit_code;
}

int ExitCodeOf(const absl::Status& status) {
  return status.code() == absl::StatusCode::kInvalidArgument ? kBadOptions : kStartFailed;
}

absl::Status CheckDsn(const ProcessOptions& options) {
  if (!options.postgres_dsn.empty()) return absl::OkStatus();
  return InvalidArgument(
      "INVALID_OPTION",
      "common.postgres_dsn must be set, such as "
      "postgresql://tarn@localhost/tarn; tarn-standalone brings its own database");
}

void LogReady(const std::string& program, const std::map<std::string, std::string>& addresses) {
  std::string text = absl::StrJoin(addresses, " ", absl::PairFormatter("="));
  logging::Info(program, "ready", {{"addresses", text}, {"pid", getpid()}});
}

// From the options to the stop; `prepare` has run.
int Serve(const ProcessSpec& spec, const ProcessOptions& options,
          const std::map<std::string, std::string>& listen, StopSignals& signals) {
  absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> credentials =
      rpc::ClientCredentials(options.calls_use_tls(), options.tls_ca_file);
  if (!credentials.ok()) return Complain(spec.program, credentials.status(), kStartFailed);
  Process process(options, *credentials);
  absl::Status status = process.Start(spec.modules, listen);
  if (status.ok()) {
    status = WriteReadyFile(options.ready_file, process.Addresses());
  }
  if (!status.ok()) {
    process.Stop();
    return Complain(spec.program, status, ExitCodeOf(status));
  }
  LogReady(spec.program, process.Addresses());
  signals.Wait();
  logging::Info(spec.program, "stopping");
  RemoveReadyFile(options.ready_file);
  process.Stop();
  logging::Info(spec.program, "stopped");
  return 0;
}

}  // namespace

int RunProcess(int argc, const char* const* argv, ProcessSpec spec) {
  StopSignals signals;
  umask(077);
  gpr_set_log_function(&LogGrpc);
  ProcessOptions options;
  std::map<std::string, std::string> listen;
  config::OptionSet set(spec.program, spec.summary);
  options.Register(set);
  if (spec.register_options) spec.register_options(set);
  for (const ModuleSpec& module : spec.modules) {
    std::string& address = listen[module.name] = module.default_listen;
    set.Add(module.name + ".listen", &address,
            "address that the gRPC server of " + module.name + " listens on, host:port");
    if (module.register_options) module.register_options(set);
  }
  absl::Status status = set.Load(argc, argv, environ);
  if (status.ok() && set.help_requested()) {
    std::cout << set.Help();
    return 0;
  }
  if (status.ok()) status = logging::SetLevel(options.log_level);
  if (status.ok() && spec.adjust) status = spec.adjust(options);
  if (status.ok()) status = options.Resolve();
  if (!status.ok()) return Complain(spec.program, status, kBadOptions);
  if (spec.prepare) {
    status = spec.prepare(options);
    if (!status.ok()) return Complain(spec.program, status, ExitCodeOf(status));
  }
  status = CheckDsn(options);
  int exit_code = status.ok() ? Serve(spec, options, listen, signals)
                              : Complain(spec.program, status, kBadOptions);
  if (spec.finish) spec.finish();
  return exit_code;
}

int RunModuleProcess(int argc, const char* const* argv, ModuleSpec spec) {
  ProcessSpec process;
  process.program = "tarn-" + spec.name;
  process.summary = spec.summary;
  process.modules.push_back(std::move(spec));
  return RunProcess(argc, argv, std::move(process));
}

}  // namespace tarn::server

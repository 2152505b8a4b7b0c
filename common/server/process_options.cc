#include "common/server/process_options.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <unistd.h>
#include <vector>

#include <absl/strings/str_join.h>

#include "common/config/option_set.h"
#include "common/server/listen_address.h"
#include "common/status/error.h"

namespace tarn::server {
namespace {

// Makes the folder and its absolute path; a problem goes to `problems`.
void ResolveFolder(const std::string& option, std::string& path,
                   std::vector<std::string>& problems) {
  if (path.empty()) {
    problems.push_back(option + ": must not be empty");
    return;
  }
  std::error_code error;
  path = std::filesystem::absolute(path, error).lexically_normal().string();
  if (!error) std::filesystem::create_directories(path, error);
  if (error) {
    problems.push_back(option + ": the folder " + path + " cannot be created: " + error.message());
  } else if (access(path.c_str(), W_OK | X_OK) != 0) {
    problems.push_back(option + ": the folder " + path + " is not writable: " + strerror(errno) +
                       "; give this user the right to write there, or choose another folder");
  }
}

}  // namespace

ProcessOptions::ProcessOptions() {
  for (const auto& module : kModules) {
    addresses[std::string(module.name)] = "127.0.0.1:" + std::to_string(module.port);
  }
}

void ProcessOptions::Register(config::OptionSet& set) {
  set.AddSecret("common.postgres_dsn", &postgres_dsn,
                "PostgreSQL connection string, such as postgresql://tarn@localhost/tarn");
  set.Add("common.lake_path", &lake_path, "the lake's folder, shared by all processes");
  set.Add("common.state_path", &state_path, "this process's own folder: keys, logs of records");
  set.Add("common.service_key_file", &service_key_file,
          "file with the services' key (default: service.key in the state folder)");
  set.Add("common.log_level", &log_level, "debug, info, warn, error or off");
  set.Add("common.metrics_listen", &metrics_listen,
          "address of the Prometheus endpoint; empty serves none");
  for (auto& [module, address] : addresses) {
    set.Add("common." + module + "_address", &address,
            "where the " + module + " module is reached");
  }
  set.Add("common.tls_cert_file", &tls_cert_file, "PEM certificate chain of the listeners");
  set.Add("common.tls_key_file", &tls_key_file, "PEM private key of that certificate");
  set.Add("common.tls_ca_file", &tls_ca_file,
          "PEM certificates of the authority that other modules' certificates are checked against");
  set.Add("allow-insecure-listen", &allow_insecure_listen,
          "lets a listener that others can reach go without TLS");
  set.Add("common.shutdown_grace", &shutdown_grace, "how long calls may go on when stopping");
  set.Add("common.ready_file", &ready_file,
          "file to write the bound addresses to, as JSON, once the process serves");
}

absl::Status ProcessOptions::Resolve() {
  std::vector<std::string> problems;
  ResolveFolder("common.lake_path", lake_path, problems);
  ResolveFolder("common.state_path", state_path, problems);
  if (service_key_file.empty()) service_key_file = state_path + "/service.key";
  if (!metrics_listen.empty()) {
    auto address = ParseListenAddress(metrics_listen, "common.metrics_listen");
    if (!address.ok()) problems.emplace_back(address.status().message());
  }
  if (tls_files().enabled()) {
    auto material = ReadTlsFiles(tls_files());
    if (!material.ok()) problems.emplace_back(material.status().message());
  }
  if (shutdown_grace < absl::ZeroDuration()) {
    problems.emplace_back("common.shutdown_grace: must not be negative");
  }
  if (problems.empty()) return absl::OkStatus();
  return InvalidArgument("INVALID_OPTION", absl::StrJoin(problems, "\n"));
}

}  // namespace tarn::server

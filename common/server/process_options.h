// The options that every process of Tarn shares, under the prefix "common.".
#pragma once

#include <map>
#include <string>
#include <string_view>

#include <absl/status/status.h>
#include <absl/time/time.h>

#include "common/server/tls.h"

namespace tarn::config {
class OptionSet;
}

namespace tarn::server {

// The six modules and where each listens by default.
inline constexpr struct {
  std::string_view name;
  int port;
} kModules[] = {{"dashboard", 7100}, {"catalog", 7101},   {"query", 7102},
                {"ingestion", 7103}, {"transform", 7104}, {"alerting", 7105}};

struct ProcessOptions {
  std::string postgres_dsn;
  std::string lake_path = "lake";
  std::string state_path = "state";
  // Empty: <state_path>/service.key.
  std::string service_key_file;
  std::string log_level = "info";
  // "host:port" of the Prometheus endpoint; empty serves none.
  std::string metrics_listen;
  // By module, where the others find it.
  std::map<std::string, std::string, std::less<>> addresses;
  std::string tls_cert_file;
  std::string tls_key_file;
  std::string tls_ca_file;
  bool allow_insecure_listen = false;
  absl::Duration shutdown_grace = absl::Seconds(10);
  // Written with the bound addresses when the process serves, removed when it stops.
  std::string ready_file;

  // With the default addresses.
  ProcessOptions();

  // Adds all of them to `set`; this object must outlive it.
  void Register(config::OptionSet& set);
  // After loading: makes paths absolute, creates the folders, and checks what needs more than one
  // option or the file system. INVALID_ARGUMENT with reason INVALID_OPTION lists every problem.
  absl::Status Resolve();

  TlsFiles tls_files() const { return {tls_cert_file, tls_key_file}; }
  // Whether calls to other modules use TLS.
  bool calls_use_tls() const { return !tls_ca_file.empty() || tls_files().enabled(); }
};

}  // namespace tarn::server

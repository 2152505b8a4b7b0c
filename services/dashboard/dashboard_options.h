// The options of dashboard, with all their defaults.
#pragma once

#include <cstdint>
#include <string>

namespace tarn::config {
class OptionSet;
}

namespace tarn::dashboard {

struct DashboardOptions {
  // "host:port" of the page and the Connect protocol; port 0 takes a free one; empty serves none.
  std::string http_listen = "127.0.0.1:8080";
  std::int64_t http_threads = 2;
  // A reverse proxy stands before http_listen and sets X-Forwarded-Host and X-Forwarded-Proto.
  bool behind_proxy = false;
  // The built page. Empty: ../share/tarn/web beside the program, or else where it was built.
  std::string web_path;
  // Empty: <state>/secrets/admin.key and <state>/secrets/signing.pem.
  std::string admin_key_file;
  std::string signing_key_file;
  // Queries of one render that run at a time.
  std::int64_t render_concurrency = 4;
  std::int64_t postgres_connections = 8;
};

// Adds all of them to `set`; `options` must outlive it.
void RegisterOptions(config::OptionSet& set, DashboardOptions* options);

}  // namespace tarn::dashboard

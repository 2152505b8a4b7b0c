#include "services/dashboard/dashboard_options.h"

#include "common/config/option_set.h"

namespace tarn::dashboard {

void RegisterOptions(config::OptionSet& set, DashboardOptions* options) {
  set.Add("dashboard.http_listen", &options->http_listen,
          "address of the page and of the API over HTTP, host:port; empty serves none");
  set.Add("dashboard.http_threads", &options->http_threads, "threads that serve HTTP",
          config::MustBePositive);
  set.Add("dashboard.behind_proxy", &options->behind_proxy,
          "a reverse proxy alone reaches http_listen, and its X-Forwarded-Host and "
          "X-Forwarded-Proto are believed");
  set.Add("dashboard.web_path", &options->web_path,
          "folder of the built page; empty looks beside the program");
  set.Add("dashboard.admin_key_file", &options->admin_key_file,
          "file of the administrator's key, made at the first start; empty is "
          "<state>/secrets/admin.key");
  set.Add("dashboard.signing_key_file", &options->signing_key_file,
          "PEM file of the key that signs tokens, made at the first start; empty is "
          "<state>/secrets/signing.pem");
  set.Add("dashboard.render_concurrency", &options->render_concurrency,
          "queries that one RenderDashboard runs at a time", config::MustBePositive);
  set.Add("dashboard.postgres_connections", &options->postgres_connections,
          "most connections to PostgreSQL", config::MustBePositive);
}

}  // namespace tarn::dashboard

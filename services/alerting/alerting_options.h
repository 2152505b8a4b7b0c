// The options of the module, with their defaults.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <absl/time/time.h>

namespace tarn::config {
class OptionSet;
}

namespace tarn::alerting {

struct AlertingOptions {
  // Rules evaluated, and notifications posted, at the same time.
  int64_t evaluators = 2;
  int64_t deliverers = 4;
  // The longest time of a rule's SQL.
  absl::Duration evaluation_timeout = absl::Seconds(60);
  // How often due rules and deliveries are looked for.
  absl::Duration poll_interval = absl::Milliseconds(500);
  // How long a worker that died holds up its rule or delivery. Longer than http_timeout.
  absl::Duration lease_time = absl::Seconds(30);
  // The longest time of one post.
  absl::Duration http_timeout = absl::Seconds(10);
  // Empty for none.
  std::string http_proxy;
  // Hosts that channels may post to ("hooks.slack.com", ".example.com", "10.0.0.0/8"); empty for
  // any that is on the public internet.
  std::vector<std::string> allowed_hosts;
  // Where the files of channels' secrets must lie; empty allows none.
  std::string secret_folder;
  // How long the outbox keeps events, and this module its transitions and ended deliveries.
  absl::Duration event_retention = absl::Hours(24 * 7);
  absl::Duration history_retention = absl::Hours(24 * 30);
  // Streams of events at the same time.
  int64_t max_subscriptions = 200;
  int64_t postgres_connections = 12;
};

// Adds every option to `set`; `options` outlives it.
void RegisterOptions(config::OptionSet& set, AlertingOptions* options);

}  // namespace tarn::alerting

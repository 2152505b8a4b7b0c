#include "services/alerting/alerting_options.h"

#include "common/config/option_set.h"

namespace tarn::alerting {

void RegisterOptions(config::OptionSet& set, AlertingOptions* options) {
  using config::MustBePositive;
  using config::MustBePositiveDuration;
  set.Add("alerting.evaluators", &options->evaluators, "rules evaluated at the same time",
          MustBePositive);
  set.Add("alerting.deliverers", &options->deliverers, "notifications posted at the same time",
          MustBePositive);
  set.Add("alerting.evaluation_timeout", &options->evaluation_timeout,
          "longest time of a rule's SQL", MustBePositiveDuration);
  set.Add("alerting.poll_interval", &options->poll_interval,
          "how often due rules and deliveries are looked for", MustBePositiveDuration);
  set.Add("alerting.lease_time", &options->lease_time,
          "how long a worker that died holds up its rule or delivery; longer than http_timeout",
          MustBePositiveDuration);
  set.Add("alerting.http_timeout", &options->http_timeout, "longest time of one post to a channel",
          MustBePositiveDuration);
  set.Add("alerting.http_proxy", &options->http_proxy,
          "proxy of posts to channels; empty for none");
  set.Add(
      "alerting.allowed_hosts", &options->allowed_hosts,
      "hosts that channels may post to (example.com, .example.com, 10.1.2.3, 10.0.0.0/8); empty "
      "for any on the public internet");
  set.Add("alerting.secret_folder", &options->secret_folder,
          "folder in which files of channels' secrets must lie; empty allows none");
  set.Add("alerting.event_retention", &options->event_retention, "how long events are kept",
          MustBePositiveDuration);
  set.Add("alerting.history_retention", &options->history_retention,
          "how long transitions and ended deliveries are kept", MustBePositiveDuration);
  set.Add("alerting.max_subscriptions", &options->max_subscriptions,
          "streams of events at the same time", MustBePositive);
  set.Add("alerting.postgres_connections", &options->postgres_connections,
          "connections to PostgreSQL at most", MustBePositive);
}

}  // namespace tarn::alerting

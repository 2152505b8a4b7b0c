// What goes over the wire to a receiver. Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <absl/time/time.h>

#include "services/alerting/evaluation/alert_state.h"

namespace tarn::alerting {

// What a webhook is told besides id, time and message.
struct NotificationFacts {
  std::string kind;      // "alert" or "notification"
  std::string rule;      // "rules/{r}"; alerts only, as the four below
  std::string state;     // "firing" or "resolved"
  std::string severity;  // "info", "warning", "critical"
  Labels labels;
  std::optional<double> value;
  std::string subject;  // the resource that it is about
};

// JSON of the facts, as it is stored with a delivery. Text that is not UTF-8 is repaired.
std::string PayloadJson(const NotificationFacts& facts);

// The body of a webhook: `payload` with "id", "time" and "message".
std::string WebhookBody(std::string_view payload, std::string_view delivery_id, absl::Time time,
                        std::string_view message);

// {"text": …} as Slack's incoming webhooks take it; &, < and > are escaped, so that a label cannot
// mention a channel.
std::string SlackBody(std::string_view message);

// "sha256=<hex>", the HMAC of `body`: the header X-Tarn-Signature.
std::string Signature(std::string_view secret, std::string_view body);

}  // namespace tarn::alerting

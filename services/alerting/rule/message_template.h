// The text of a notification: `${name}` is replaced, `$$` is a dollar sign. Names are those of
// label columns and value, threshold, severity, rule, state, labels (which win over a label of that
// name). Immutable; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <absl/status/statusor.h>

#include "services/alerting/evaluation/alert_state.h"

namespace tarn::alerting {

// What a notification is about.
struct MessageFacts {
  std::string rule;      // its id
  std::string severity;  // "critical"
  bool firing = true;    // else resolved
  Labels labels;
  double value = 0;
  Threshold threshold;
};

class MessageTemplate {
 public:
  // INVALID_ARGUMENT, INVALID_TEMPLATE where "${" is not closed or holds nothing.
  static absl::StatusOr<MessageTemplate> Parse(std::string_view text);

  // INVALID_ARGUMENT, INVALID_TEMPLATE when a name is neither built in nor among `labels`.
  absl::Status CheckNames(const std::vector<std::string>& labels) const;

  // The empty template gives a default text. A resolved alert's text begins with "Resolved: "
  // unless the template says ${state} itself. A label that is not there is empty.
  std::string Render(const MessageFacts& facts) const;

 private:
  struct Part {
    bool is_name = false;
    std::string text;
  };
  bool Names(std::string_view name) const;

  std::vector<Part> parts_;
};

// The shortest text that reads back as `value`: 0.01, 12, 1e+30.
std::string FormatValue(double value);
// ">", "<>".
std::string_view Symbol(Comparison comparison);

}  // namespace tarn::alerting

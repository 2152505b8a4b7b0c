#include "services/alerting/evaluation/alert_state.h"

#include <absl/strings/escaping.h>
#include <absl/strings/str_cat.h>
#include <openssl/sha.h>

namespace tarn::alerting {
namespace {

// Length first, so that no two lists of texts give the same octets.
void AppendPart(std::string_view part, std::string* out) {
  absl::StrAppend(out, part.size(), ":");
  out->append(part);
}

AlertStep Step(const Alert& before, bool is_new, const Observation* row, const Threshold& threshold,
               absl::Duration hold, absl::Time now) {
  AlertStep step{.alert = before, .before = before.state, .is_new = is_new, .seen = row != nullptr};
  Alert& alert = step.alert;
  bool holds = row != nullptr && threshold.Holds(row->value);
  if (row != nullptr && row->value.has_value()) alert.value = *row->value;
  alert.state = NextState(before.state, before.state_time, holds, hold, now);
  if (alert.state != before.state) {
    alert.state_time = now;
    alert.ever_raised = true;
    alert.acknowledged_by.clear();
    alert.acknowledge_time.reset();
  }
  step.touched = is_new || step.changed_state() || alert.value != before.value;
  step.forget = row == nullptr && before.state == AlertState::kOk &&
                (!before.ever_raised || now - before.state_time >= kKeepResolved);
  return step;
}

}  // namespace

bool Threshold::Holds(const std::optional<double>& observed) const {
  if (!observed.has_value()) return false;
  switch (comparison) {
    case Comparison::kGreater:
      return *observed > value;
    case Comparison::kGreaterOrEqual:
      return *observed >= value;
    case Comparison::kLess:
      return *observed < value;
    case Comparison::kLessOrEqual:
      return *observed <= value;
    case Comparison::kEqual:
      return *observed == value;
    case Comparison::kNotEqual:
      return *observed != value;
  }
  return false;
}

AlertState NextState(AlertState state, absl::Time state_time, bool holds, absl::Duration hold,
                     absl::Time now) {
  if (!holds) return AlertState::kOk;
  if (state == AlertState::kFiring || hold <= absl::ZeroDuration()) return AlertState::kFiring;
  if (state == AlertState::kOk) return AlertState::kPending;
  return now - state_time >= hold ? AlertState::kFiring : AlertState::kPending;
}

std::string AlertId(std::string_view workspace, std::string_view rule_id, const Labels& labels) {
  std::string canonical;
  AppendPart(workspace, &canonical);
  AppendPart(rule_id, &canonical);
  for (const auto& [name, value] : labels) {
    AppendPart(name, &canonical);
    AppendPart(value, &canonical);
  }
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(canonical.data()), canonical.size(), digest);
  return absl::BytesToHexString(absl::string_view(reinterpret_cast<const char*>(digest), 16));
}

std::vector<AlertStep> Advance(std::string_view workspace, std::string_view rule_id,
                               const std::vector<Alert>& known,
                               const std::vector<Observation>& rows, const Threshold& threshold,
                               absl::Duration hold, absl::Time now) {
  std::map<std::string, const Alert*> without_row;
  for (const Alert& alert : known) without_row.emplace(alert.id, &alert);

  std::vector<AlertStep> steps;
  steps.reserve(rows.size() + known.size());
  for (const Observation& row : rows) {
    std::string id = AlertId(workspace, rule_id, row.labels);
    auto found = without_row.find(id);
    if (found == without_row.end()) {
      Alert fresh{.id = std::move(id), .labels = row.labels, .state_time = now};
      steps.push_back(Step(fresh, true, &row, threshold, hold, now));
    } else {
      steps.push_back(Step(*found->second, false, &row, threshold, hold, now));
      without_row.erase(found);
    }
  }
  for (const auto& [id, alert] : without_row) {
    steps.push_back(Step(*alert, false, nullptr, threshold, hold, now));
  }
  return steps;
}

}  // namespace tarn::alerting

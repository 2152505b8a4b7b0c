// How alerts move between states. Pure logic on plain values; any thread.
//
//   OK -> PENDING -> FIRING -> OK      with `hold` > 0; PENDING -> OK when the condition stops
//   holding OK -> FIRING -> OK                 without
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <absl/time/time.h>

namespace tarn::alerting {

// The numbers of v1::AlertState.
enum class AlertState { kOk = 1, kPending = 2, kFiring = 3 };

// The numbers of v1::ComparisonOperator.
enum class Comparison {
  kGreater = 1,
  kGreaterOrEqual = 2,
  kLess = 3,
  kLessOrEqual = 4,
  kEqual = 5,
  kNotEqual = 6,
};

using Labels = std::map<std::string, std::string>;

// One row of a rule's result.
struct Observation {
  Labels labels;
  // Nothing for NULL (and for NaN): the condition does not hold.
  std::optional<double> value;
};

struct Threshold {
  Comparison comparison = Comparison::kGreater;
  double value = 0;

  bool Holds(const std::optional<double>& observed) const;
};

// An alert as it is stored.
struct Alert {
  std::string id;
  Labels labels;
  AlertState state = AlertState::kOk;
  double value = 0;          // the newest that was not NULL
  absl::Time state_time;     // since when it is in this state
  bool ever_raised = false;  // whether it has ever left OK
  std::string acknowledged_by;
  std::optional<absl::Time> acknowledge_time;
  std::string message;
};

// An alert after an evaluation.
struct AlertStep {
  Alert alert;
  AlertState before = AlertState::kOk;
  bool is_new = false;
  bool seen = false;     // the result has a row for it
  bool touched = false;  // differs from what is stored, so must be written
  bool forget = false;   // OK for long without a row: its record can go

  bool changed_state() const { return before != alert.state; }
};

// An OK alert without a row is kept so long after it was resolved, so that its end can be seen.
inline constexpr absl::Duration kKeepResolved = absl::Hours(24);

// The state after one evaluation at `now` of an alert that is in `state` since `state_time`.
AlertState NextState(AlertState state, absl::Time state_time, bool holds, absl::Duration hold,
                     absl::Time now);

// The id of the alert with these labels: 32 hex digits that stay the same for ever.
std::string AlertId(std::string_view workspace, std::string_view rule_id, const Labels& labels);

// Brings `known` alerts of a rule together with the rows of an evaluation at `now`, whose labels
// differ from each other. First the rows in their order, then the alerts without a row.
std::vector<AlertStep> Advance(std::string_view workspace, std::string_view rule_id,
                               const std::vector<Alert>& known,
                               const std::vector<Observation>& rows, const Threshold& threshold,
                               absl::Duration hold, absl::Time now);

}  // namespace tarn::alerting

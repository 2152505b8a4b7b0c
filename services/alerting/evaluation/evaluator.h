// Evaluates rules: claims one by lease, runs its SQL, and in one transaction under the lease moves
// its alerts on, with a transition, an event and a delivery for each channel for every change.
//
// A kill at any point leaves the rule as it was before: still due, its lease over after a while,
// nothing half told. What the SQL found is applied to the rule that it was run for only: when the
// rule was changed meanwhile, the result is dropped.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "tarn/alerting/v1/rule.pb.h"

#include "common/lease/lease.h"
#include "services/alerting/evaluation/query_runner.h"
#include "services/alerting/rule/rule_store.h"

namespace tarn {
class Clock;
class PostgresPool;
}  // namespace tarn

namespace tarn::alerting {

struct AlertingMetrics;

// Thread safe.
class Evaluator {
 public:
  struct Options {
    std::string holder;  // of leases: unique to the process
    absl::Duration lease_time = absl::Seconds(30);
  };
  // All outlive it. `on_deliveries` is called when an evaluation has made deliveries.
  Evaluator(PostgresPool& pool, Clock& clock, QueryRunner& queries, AlertingMetrics& metrics,
            Options options, std::function<void()> on_deliveries);

  // Evaluates the rule that is longest overdue; false when none is due. A rule whose SQL fails has
  // the error recorded, which is no error here.
  absl::StatusOr<bool> EvaluateNext();

  // Evaluates this rule now, besides its schedule, also when it is paused. Waits while another
  // evaluation of it runs, as long as `give_up` says false. Errors: RULE_NOT_FOUND; ABORTED with
  // RULE_BUSY or RULE_CHANGED. A failure of its SQL is in the result.
  absl::StatusOr<v1::Evaluation> EvaluateNow(const std::string& workspace,
                                             const std::string& rule_id,
                                             const std::function<bool()>& give_up);

  // Cancels the SQL of the evaluations that run, and of all later ones: the process stops.
  void Cancel();

 private:
  struct Claimed {
    Lease lease;
    StoredRule rule;
  };
  // What the SQL said at `time`.
  struct Found {
    absl::Time time;
    absl::Status status;
    std::vector<Observation> observations;
  };

  absl::StatusOr<v1::Evaluation> Evaluate(const Claimed& claimed, bool scheduled);
  absl::StatusOr<std::vector<Observation>> Observe(const StoredRule& rule,
                                                   QueryCancellation& cancellation);
  absl::StatusOr<v1::Evaluation> Apply(const Claimed& claimed, const Found& found, bool scheduled);
  // Gives a rule back as it was, so that another takes it up at once.
  void GiveBack(const Lease& lease);
  void Count(const v1::Evaluation& evaluation);

  PostgresPool& pool_;
  Clock& clock_;
  QueryRunner& queries_;
  AlertingMetrics& metrics_;
  const Options options_;
  const std::function<void()> on_deliveries_;

  std::mutex mutex_;
  bool cancelled_ = false;
  std::set<QueryCancellation*> running_;
};

}  // namespace tarn::alerting

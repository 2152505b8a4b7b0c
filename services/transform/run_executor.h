// Brings one run, which this process holds by a lease, to its end: its steps in the order of the
// DAG, several at the same time, every transition written under the lease's epoch.
//
// It starts from what is written, so that it is the same for a new run and for one that another
// process left. It ends early, leaving all as it is, when the lease is lost, when the process
// stops, or when PostgreSQL refuses a write; whoever claims the run next goes on.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <absl/functional/function_ref.h>
#include <absl/status/status.h>
#include <absl/time/time.h>

#include "common/lease/lease.h"
#include "services/transform/run.h"
#include "services/transform/run_control.h"
#include "services/transform/step_runner.h"

namespace tarn {
class Clock;
class LeaseKeeper;
class PostgresPool;
class Transaction;
}  // namespace tarn

namespace tarn::transform {

class RunChanges;
class StepActionFactory;
struct TransformMetrics;

struct RunExecutorOptions {
  // Steps of one run at the same time.
  int max_parallel_steps = 8;
  absl::Duration lease_ttl = absl::Seconds(15);
  // How soon a stop that another process was asked for is seen.
  absl::Duration poll_interval = absl::Milliseconds(500);
  StepRunnerOptions steps;
};

// What it works with; all outlives it.
struct RunExecutorTools {
  PostgresPool& pool;
  Clock& clock;
  const StepActionFactory& actions;
  RunChanges& changes;
  TransformMetrics& metrics;
};

class RunExecutor {
 public:
  RunExecutor(RunExecutorTools tools, RunExecutorOptions options, Lease lease);
  ~RunExecutor();
  RunExecutor(const RunExecutor&) = delete;
  RunExecutor& operator=(const RunExecutor&) = delete;

  // Returns when the run has ended or was abandoned. Once.
  void Execute();

  // Makes Execute return soon, with the run given up for others. Any thread.
  void Abandon();

 private:
  absl::Status ExecuteHeld();
  absl::Status Load();
  absl::Status CheckStop();
  // Ends steps that can no longer run and begins those that can.
  absl::Status Advance();
  absl::Status EndStep(StepRecord& step, WorkError error);
  // Writes it, and tells those who watch.
  absl::Status SaveStep(const StepRecord& step);
  void Begin(const StepRecord& step);
  absl::Status TakeFinished();
  absl::Status FinishRun();
  void JoinSteps();
  // The first error of a step, by its end.
  const StepRecord* FirstFailure() const;
  // Until when nothing happens by itself.
  absl::Duration Pause() const;
  // Runs `write` in a transaction, again and again while PostgreSQL cannot be reached. An error
  // means that the run must be left alone.
  absl::Status Persist(absl::FunctionRef<absl::Status(Transaction&)> write);

  const RunExecutorTools tools_;
  const RunExecutorOptions options_;
  const Lease lease_;
  RunControl control_;
  StepRunner steps_;
  // Steps' threads read everything but `steps` of it.
  RunRecord run_;
  std::map<std::string, std::thread> running_;

  std::mutex mutex_;
  std::vector<absl::StatusOr<StepRecord>> finished_;
};

}  // namespace tarn::transform

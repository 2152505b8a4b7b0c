#include "services/transform/run_worker.h"

#include <unistd.h>

#include <absl/strings/str_cat.h>

#include "common/clock/clock.h"
#include "common/ids/ids.h"
#include "common/logging/logging.h"
#include "common/postgres/postgres_pool.h"
#include "common/status/status_macros.h"
#include "services/transform/run_changes.h"
#include "services/transform/run_store.h"
#include "services/transform/transform_metrics.h"

namespace tarn::transform {

RunWorker::RunWorker(RunExecutorTools tools, RunWorkerOptions options)
    : tools_(tools),
      options_(options),
      holder_(absl::StrCat("transform-", getpid(), "-", NewShortId())) {}

RunWorker::~RunWorker() { Stop(); }

void RunWorker::Start() {
  thread_ = std::thread([this] { Loop(); });
}

void RunWorker::Drain() {
  draining_ = true;
  tools_.changes.Notify();
}

void RunWorker::Stop() {
  Drain();
  if (thread_.joinable()) thread_.join();
  for (const std::unique_ptr<Active>& active : active_) active->executor->Abandon();
  for (const std::unique_ptr<Active>& active : active_) active->thread.join();
  active_.clear();
}

void RunWorker::Loop() {
  bool failing = false;
  while (!draining_) {
    const uint64_t seen = tools_.changes.count();
    JoinDone();
    absl::StatusOr<bool> more = false;
    if (static_cast<int>(active_.size()) < options_.max_runs) more = ClaimOne();
    if (!more.ok() && !failing) {
      logging::Warn("transform", "cannot claim runs; tried again until it works", more.status());
    }
    failing = !more.ok();
    if (more.ok() && *more) continue;
    tools_.changes.Wait(seen, failing ? 2 * options_.poll_interval : options_.poll_interval);
  }
}

absl::StatusOr<bool> RunWorker::ClaimOne() {
  TARN_ASSIGN_OR_RETURN(
      std::optional<Lease> lease,
      tools_.pool.Run([&](Transaction& txn) -> absl::StatusOr<std::optional<Lease>> {
        return run_store::ClaimNext(txn, holder_, options_.executor.lease_ttl, tools_.clock.Now());
      }));
  if (!lease.has_value()) return false;
  auto active = std::make_unique<Active>();
  active->executor = std::make_unique<RunExecutor>(tools_, options_.executor, *std::move(lease));
  active->thread = std::thread([this, active = active.get()] {
    tools_.metrics.active_runs.Increment();
    active->executor->Execute();
    tools_.metrics.active_runs.Decrement();
    active->done = true;
    tools_.changes.Notify();
  });
  active_.push_back(std::move(active));
  return true;
}

void RunWorker::JoinDone() {
  std::erase_if(active_, [](const std::unique_ptr<Active>& active) {
    if (!active->done) return false;
    active->thread.join();
    return true;
  });
}

}  // namespace tarn::transform

#include "services/ingestion/reprocess/reprocess_worker.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "common/failpoint/failpoint.h"
#include "common/ids/ids.h"
#include "common/lease/lease_keeper.h"
#include "common/logging/logging.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"

namespace tarn::ingestion {
namespace {

constexpr absl::Duration kLookPause = absl::Seconds(2);
constexpr absl::Duration kWatchPause = absl::Milliseconds(500);
constexpr absl::Duration kFirstRetryPause = absl::Milliseconds(200);
constexpr absl::Duration kMaxRetryPause = absl::Seconds(10);

}  // namespace

ReprocessWorker::ReprocessWorker(const ReprocessDependencies& dependencies, PostgresPool& pool,
                                 LogWatch& watch, Metrics& metrics, ReprocessWorkerOptions options)
    : deps_(dependencies),
      pool_(pool),
      watch_(watch),
      options_(std::move(options)),
      succeeded_(metrics.AddCounter("tarn_ingestion_reprocesses_succeeded_total",
                                    "Reprocesses that ended well.")),
      failed_(metrics.AddCounter("tarn_ingestion_reprocesses_failed_total",
                                 "Reprocesses that failed.")) {}

void ReprocessWorker::Start() {
  // Before anybody asks whether this instance is there.
  watch_.Look().IgnoreError();
  worker_ = std::thread([this] { Work(); });
  watcher_ = std::thread([this] { Watch(); });
}

void ReprocessWorker::Stop() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  if (worker_.joinable()) worker_.join();
  if (watcher_.joinable()) watcher_.join();
}

void ReprocessWorker::Notify() {
  {
    std::lock_guard lock(mutex_);
    notified_ = true;
  }
  changed_.notify_all();
}

void ReprocessWorker::Pause(absl::Duration duration) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, absl::ToChronoMilliseconds(duration), [&] { return stop_ || notified_; });
  notified_ = false;
}

void ReprocessWorker::Work() {
  absl::Duration pause = kFirstRetryPause;
  bool told = false;
  while (!stop_) {
    const absl::StatusOr<bool> worked = RunOne();
    if (!worked.ok()) {
      if (!told) logging::Warn("ingestion", "reprocesses are put off", worked.status());
      told = true;
      Pause(pause);
      pause = std::min(pause * 2, kMaxRetryPause);
      continue;
    }
    told = false;
    pause = kFirstRetryPause;
    if (!*worked) Pause(kLookPause);
  }
}

void ReprocessWorker::Watch() {
  bool told = false;
  std::unique_lock lock(mutex_);
  while (!stop_) {
    lock.unlock();
    const absl::Status looked = watch_.Look();
    if (!looked.ok() && !told) {
      logging::Warn("ingestion", "the log's state cannot be told to reprocesses", looked);
    }
    told = !looked.ok();
    lock.lock();
    changed_.wait_for(lock, absl::ToChronoMilliseconds(kWatchPause), [&] { return stop_.load(); });
  }
}

absl::Status ReprocessWorker::CheckStop(const std::string& id, bool lost) {
  if (stop_ || lost) {
    return MakeError(absl::StatusCode::kCancelled, "REPROCESS_STOPPED",
                     "the instance stops, or has lost the reprocess to another one");
  }
  // Whoever cannot be asked goes on.
  const absl::StatusOr<bool> cancelled = deps_.store.CancelRequested(id);
  if (!cancelled.ok() || !*cancelled) return absl::OkStatus();
  return MakeError(absl::StatusCode::kCancelled, "REPROCESS_CANCELLED",
                   "the reprocess was cancelled; rows are as they were in destinations that it had "
                   "not done");
}

absl::StatusOr<bool> ReprocessWorker::RunOne() {
  TARN_ASSIGN_OR_RETURN(std::optional<ReprocessStore::Claimed> claimed,
                        deps_.store.Claim(options_.holder, options_.lease));
  if (!claimed) return false;
  TARN_FAILPOINT("ingestion.reprocess.claimed");
  const ReprocessJob job = claimed->job;
  const logging::ScopedRequestId request_id("reprocess-" + NewShortId());
  LeaseKeeper keeper(pool_, ReprocessStore::Leases(), claimed->lease, options_.lease);
  ReprocessRun run(deps_, claimed->lease, job, [&] { return CheckStop(job.id, keeper.lost()); });
  const absl::Status outcome = run.Run();
  const std::string reason = ErrorReason(outcome);
  if (keeper.lost() || reason == "LEASE_LOST") return true;  // another one has it, or it is gone
  if (reason == "REPROCESS_STOPPED" || absl::IsUnavailable(outcome)) {
    const absl::Status released = deps_.store.Release(claimed->lease);
    if (absl::IsUnavailable(outcome)) return outcome;
    TARN_RETURN_IF_ERROR(released);
    return true;
  }
  TARN_RETURN_IF_ERROR(deps_.store.Finish(claimed->lease, job, outcome));
  (outcome.ok() || absl::IsCancelled(outcome) ? succeeded_ : failed_).Increment();
  if (outcome.ok()) {
    logging::Info("ingestion", "a reprocess ended well", {{"reprocess", job.resource.name()}});
  } else {
    logging::Warn("ingestion", "a reprocess ended", outcome,
                  {{"reprocess", job.resource.name()}, {"workspace", job.workspace}});
  }
  return true;
}

}  // namespace tarn::ingestion

#include "services/ingestion/delivery/delivery_scheduler.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include <absl/strings/str_cat.h>

#include "common/ids/ids.h"
#include "common/logging/logging.h"
#include "common/rpc/client.h"
#include "common/status/error.h"

namespace tarn::ingestion {
namespace {

constexpr rpc::RetryPolicy kBackoff{.max_attempts = 1000,
                                    .initial_backoff = absl::Milliseconds(100),
                                    .max_backoff = absl::Seconds(5)};
// A stream whose definition is not loaded yet.
constexpr absl::Duration kUnknownStreamPause = absl::Milliseconds(500);

}  // namespace

DeliveryScheduler::DeliveryScheduler(const DeliveryDependencies& dependencies,
                                     const StreamRegistry& registry, int workers)
    : deps_(dependencies), registry_(registry), worker_count_(workers) {}

DeliveryScheduler::~DeliveryScheduler() { Stop(); }

void DeliveryScheduler::Start() {
  std::lock_guard lock(mutex_);
  for (const auto& [workspace, uid] : deps_.wal.UndeliveredStreams()) entries_[uid];
  for (int i = 0; i < worker_count_; ++i) workers_.emplace_back([this] { Work(); });
}

void DeliveryScheduler::Stop() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  work_changed_.notify_all();
  progress_.notify_all();
  for (std::thread& worker : workers_) worker.join();
  workers_.clear();
}

void DeliveryScheduler::Notify(const std::string& stream_uid) {
  std::lock_guard lock(mutex_);
  const Entry& entry = entries_[stream_uid];
  if (!entry.running && DueTime(stream_uid, entry) < next_look_) work_changed_.notify_one();
}

absl::Time DeliveryScheduler::DueTime(const std::string& uid, const Entry& entry) const {
  const StreamBacklog backlog = deps_.wal.Backlog(uid);
  if (backlog.bytes == 0 && entry.flush_position <= backlog.delivered_position) {
    return absl::InfiniteFuture();
  }
  absl::Time due = backlog.oldest;
  if (const StreamPtr stream = registry_.FindByUid(uid)) {
    if (backlog.bytes >= static_cast<uint64_t>(stream->max_bytes()) ||
        entry.flush_position > backlog.delivered_position) {
      due = absl::InfinitePast();
    } else {
      due += stream->max_delay();
    }
  }
  return std::max(due, entry.retry_time);
}

std::pair<const std::string, DeliveryScheduler::Entry>* DeliveryScheduler::NextDue(
    absl::Time now, absl::Time* look_again) {
  std::pair<const std::string, Entry>* next = nullptr;
  absl::Time earliest = absl::InfiniteFuture();
  for (auto& item : entries_) {
    if (item.second.running || item.second.removed) continue;
    const absl::Time due = DueTime(item.first, item.second);
    if (due < earliest) {
      earliest = due;
      next = &item;
    }
  }
  *look_again = earliest;
  return earliest <= now ? next : nullptr;
}

void DeliveryScheduler::Work() {
  std::unique_lock lock(mutex_);
  while (!stop_) {
    const absl::Time now = deps_.clock.Now();
    absl::Time look_again;
    auto* next = NextDue(now, &look_again);
    if (next != nullptr) {
      Deliver(next->first, next->second, lock);
      continue;
    }
    next_look_ = look_again;
    if (look_again == absl::InfiniteFuture()) {
      work_changed_.wait(lock);
    } else {
      work_changed_.wait_for(
          lock, absl::ToChronoMicroseconds(look_again - now) + std::chrono::milliseconds(1));
    }
  }
}

void DeliveryScheduler::Deliver(const std::string& uid, Entry& entry,
                                std::unique_lock<std::mutex>& lock) {
  entry.running = true;
  if (entry.delivery == nullptr) entry.delivery = std::make_unique<StreamDelivery>(deps_, uid);
  lock.unlock();
  const StreamPtr stream = registry_.FindByUid(uid);
  absl::StatusOr<bool> delivered = false;
  if (stream != nullptr) {
    const logging::ScopedRequestId request_id("delivery-" + NewShortId());
    delivered = entry.delivery->DeliverBatch(*stream);
    if (!delivered.ok()) {
      deps_.metrics.delivery_failures.Increment();
      // Once for each outage.
      if (entry.failures == 0) {
        logging::Warn("ingestion", "a delivery failed and is tried again", delivered.status(),
                      {{"stream", stream->name()}, {"workspace", stream->workspace}});
      }
    } else if (entry.failures > 1) {
      logging::Info("ingestion", "delivery goes on", {{"stream", stream->name()}});
    }
  }
  lock.lock();
  entry.running = false;
  if (stream == nullptr) {
    entry.retry_time = deps_.clock.Now() + kUnknownStreamPause;
    entry.error = "the stream's definition is not loaded yet";
  } else if (delivered.ok()) {
    entry.failures = 0;
    entry.retry_time = absl::InfinitePast();
    entry.error.clear();
    if (!*delivered) entry.flush_position = 0;  // there is nothing more
  } else {
    // The first failure may be one that a fresh look mends at once (an overlap, a changed schema).
    ++entry.failures;
    entry.retry_time =
        deps_.clock.Now() + rpc::RetryBackoff(kBackoff, std::min(entry.failures, 10));
    entry.error = absl::StrCat(ErrorReason(delivered.status()), ": ",
                               std::string(delivered.status().message()));
  }
  if (entry.removed) entries_.erase(uid);
  progress_.notify_all();
}

absl::Status DeliveryScheduler::Flush(const Stream& stream, uint64_t position,
                                      absl::Duration timeout,
                                      const std::function<bool()>& is_cancelled) {
  const auto deadline = std::chrono::steady_clock::now() + absl::ToChronoMilliseconds(timeout);
  std::unique_lock lock(mutex_);
  while (deps_.wal.Backlog(stream.uid).delivered_position < position) {
    Entry& entry = entries_[stream.uid];
    entry.flush_position = std::max(entry.flush_position, position);
    work_changed_.notify_one();
    if (stop_) return Unavailable("STOPPING", "ingestion is being stopped; ask again");
    const auto now = std::chrono::steady_clock::now();
    if (now >= deadline) {
      return DeadlineExceeded(
          "FLUSH_TIMEOUT",
          absl::StrCat("not everything was delivered within ", absl::FormatDuration(timeout),
                       entry.error.empty() ? "; wait longer" : ": ", entry.error));
    }
    if (is_cancelled()) return MakeError(absl::StatusCode::kCancelled, "CANCELLED", "cancelled");
    progress_.wait_until(lock, std::min(deadline, now + std::chrono::milliseconds(100)));
  }
  return absl::OkStatus();
}

DeliveryStatus DeliveryScheduler::StatusOf(const std::string& stream_uid) const {
  std::lock_guard lock(mutex_);
  const auto found = entries_.find(stream_uid);
  return {found == entries_.end() ? "" : found->second.error};
}

void DeliveryScheduler::Remove(const std::string& stream_uid) {
  std::lock_guard lock(mutex_);
  // It is drained: nobody asks for the keys that it has seen any more.
  std::error_code ignored;
  std::filesystem::remove_all(deps_.seen_folder / stream_uid, ignored);
  const auto found = entries_.find(stream_uid);
  if (found == entries_.end()) return;
  if (found->second.running) {
    found->second.removed = true;
  } else {
    entries_.erase(found);
  }
}

}  // namespace tarn::ingestion

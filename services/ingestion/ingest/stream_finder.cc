#include "services/ingestion/ingest/stream_finder.h"

#include <utility>

#include "common/status/error.h"
#include "services/ingestion/stream_manager.h"

namespace tarn::ingestion {
namespace {

constexpr size_t kMaxWaiting = 1000;

absl::StatusOr<StreamPtr> Stopping() {
  return Unavailable("MODULE_NOT_SERVING", "ingestion is stopping; try again in a moment");
}

}  // namespace

void StreamFinder::Stop() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void StreamFinder::Find(const std::string& workspace, const std::string& name, Found found) {
  absl::StatusOr<std::string> id = ParseStreamName(name);
  if (!id.ok()) return found(id.status());
  if (StreamPtr known = registry_.FindInMemory(workspace, *id); known != nullptr) {
    return found(std::move(known));
  }
  bool stopped = false;
  {
    std::lock_guard lock(mutex_);
    stopped = stop_;
    if (!stopped && lookups_.size() < kMaxWaiting) {
      lookups_.push_back({workspace, *std::move(id), std::move(found)});
      if (!thread_.joinable()) thread_ = std::thread([this] { Run(); });
      changed_.notify_one();
      return;
    }
  }
  if (stopped) return found(Stopping());
  found(ResourceExhausted("OVERLOADED",
                          "too many requests wait for streams to be looked up; try again soon"));
}

void StreamFinder::Run() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [&] { return stop_ || !lookups_.empty(); });
    if (lookups_.empty()) return;
    Lookup lookup = std::move(lookups_.front());
    lookups_.pop_front();
    const bool stopped = stop_;
    lock.unlock();
    lookup.found(stopped ? Stopping() : registry_.Find(lookup.workspace, lookup.id));
    lookup.found = nullptr;
    lock.lock();
  }
}

}  // namespace tarn::ingestion

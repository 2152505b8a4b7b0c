#include "services/ingestion/mqtt/connector_host.h"

#include <optional>

#include <absl/time/time.h>

#include "common/logging/logging.h"

namespace tarn::ingestion::mqtt {
namespace {

constexpr absl::Duration kLookPause = absl::Seconds(2);

}  // namespace

void ConnectorHost::Start() {
  thread_ = std::thread([this] { Work(); });
}

void ConnectorHost::Stop() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
  for (const auto& [key, runner] : runners_) runner->RequestStop();
  runners_.clear();
}

void ConnectorHost::Notify() {
  {
    std::lock_guard lock(mutex_);
    notified_ = true;
  }
  changed_.notify_all();
}

void ConnectorHost::Work() {
  std::unique_lock lock(mutex_);
  while (!stop_) {
    notified_ = false;
    lock.unlock();
    EndChanged();
    TakeFree();
    for (const auto& [key, runner] : runners_) runner->Tick();
    lock.lock();
    changed_.wait_for(lock, absl::ToChronoMilliseconds(kLookPause),
                      [&] { return stop_ || notified_; });
  }
}

void ConnectorHost::EndChanged() {
  for (auto it = runners_.begin(); it != runners_.end();) {
    const Connector& running = it->second->connector();
    const absl::StatusOr<Connector> present = deps_.store.Get(running.workspace, running.id);
    const bool same = present.ok()
                          ? present->uid == running.uid && present->revision == running.revision
                          : !absl::IsNotFound(present.status());
    if (same && !it->second->lost()) {
      ++it;
    } else {
      it = runners_.erase(it);
    }
  }
}

void ConnectorHost::TakeFree() {
  while (static_cast<int64_t>(runners_.size()) < max_connectors_) {
    const absl::StatusOr<std::optional<Lease>> lease =
        deps_.store.ClaimNext(holder_, deps_.lease_time);
    if (!lease.ok() || !*lease) return;  // PostgreSQL is away: the next time
    Key key{(*lease)->key[0], (*lease)->key[1]};
    absl::StatusOr<Connector> connector = deps_.store.Get(key.first, key.second);
    if (!connector.ok()) {
      logging::Warn("ingestion", "a connector cannot be run", connector.status(),
                    {{"workspace", key.first}, {"connector", key.second}});
      return;  // tried again when its lease has ended
    }
    // One that this process held until a moment ago is still there until its end was seen.
    runners_.erase(key);
    runners_[key] = std::make_unique<ConnectorRunner>(deps_, *std::move(connector), **lease);
  }
}

}  // namespace tarn::ingestion::mqtt

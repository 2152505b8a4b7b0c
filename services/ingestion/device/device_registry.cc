#include "services/ingestion/device/device_registry.h"

#include <utility>

namespace tarn::ingestion {
namespace {

DeviceSnapshotPtr Apply(const DeviceSnapshotPtr& before, DeviceStore::Changes changes) {
  auto after = std::make_shared<DeviceSnapshot>();
  if (before != nullptr && !changes.all) after->devices = before->devices;
  after->version = changes.version;
  for (Device& device : changes.devices) {
    auto entry = std::make_shared<const RegisteredDevice>(RegisteredDevice{
        std::move(device.id), std::move(device.type), std::move(device.attributes)});
    // The key lies in the entry: one that is replaced takes its key with it.
    after->devices.erase(entry->id);
    after->devices.emplace(entry->id, entry);
  }
  return after;
}

}  // namespace

absl::StatusOr<DeviceSnapshotPtr> DeviceRegistry::Snapshot(std::string_view workspace) {
  const absl::Time now = clock_.Now();
  Entry* entry = nullptr;
  {
    std::lock_guard lock(mutex_);
    std::unique_ptr<Entry>& slot = entries_[std::string(workspace)];
    if (slot == nullptr) slot = std::make_unique<Entry>();
    entry = slot.get();
    if (entry->snapshot != nullptr && now - entry->checked < kRefreshPause) return entry->snapshot;
  }
  std::lock_guard refreshing(entry->refreshing);
  DeviceSnapshotPtr before;
  {
    std::lock_guard lock(mutex_);
    before = entry->snapshot;
    // Somebody else asked while this call waited.
    if (before != nullptr && now - entry->checked < kRefreshPause) return before;
  }
  absl::StatusOr<DeviceStore::Changes> changes =
      store_.ChangesSince(workspace, before == nullptr ? 0 : before->version);
  if (!changes.ok() && before == nullptr) return changes.status();
  DeviceSnapshotPtr after = before;
  if (changes.ok() && (before == nullptr || changes->version != before->version)) {
    after = Apply(before, *std::move(changes));
  }
  std::lock_guard lock(mutex_);
  entry->snapshot = after;
  entry->checked = now;
  return after;
}

}  // namespace tarn::ingestion

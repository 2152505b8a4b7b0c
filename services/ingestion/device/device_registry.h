// The devices of a workspace in memory, for what enriches records with them: an immutable snapshot
// that is cheap to get and follows changes within kRefreshPause.
//
// Thread safe.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "common/clock/clock.h"
#include "services/ingestion/device/device_store.h"

namespace tarn::ingestion {

struct RegisteredDevice {
  std::string id;
  std::string type;
  std::string attributes;  // a JSON object
};

// Immutable, shared between threads.
struct DeviceSnapshot {
  // Grows with every change of the workspace's devices; 0 where there never was one.
  int64_t version = 0;
  // By id. Entries are shared between snapshots.
  std::unordered_map<std::string_view, std::shared_ptr<const RegisteredDevice>> devices;
};
using DeviceSnapshotPtr = std::shared_ptr<const DeviceSnapshot>;

class DeviceRegistry {
 public:
  static constexpr absl::Duration kRefreshPause = absl::Seconds(1);

  DeviceRegistry(DeviceStore& store, Clock& clock) : store_(store), clock_(clock) {}

  // The devices as they were at most kRefreshPause ago. While PostgreSQL is away, the last known
  // ones; its error when none are known yet.
  absl::StatusOr<DeviceSnapshotPtr> Snapshot(std::string_view workspace);

 private:
  struct Entry {
    std::mutex refreshing;  // held by who asks the store; before mutex_
    DeviceSnapshotPtr snapshot;
    absl::Time checked = absl::InfinitePast();
  };

  DeviceStore& store_;
  Clock& clock_;
  std::mutex mutex_;
  std::map<std::string, std::unique_ptr<Entry>, std::less<>> entries_;  // by workspace
};

}  // namespace tarn::ingestion

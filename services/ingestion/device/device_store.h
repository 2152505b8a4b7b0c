// Devices in PostgreSQL: all SQL over them is here.
//
// Thread safe. Errors besides those of common/postgres: NOT_FOUND DEVICE_NOT_FOUND, ALREADY_EXISTS
// DEVICE_EXISTS, ABORTED ETAG_MISMATCH, RESOURCE_EXHAUSTED TOO_MANY_DEVICES, FAILED_PRECONDITION
// REQUEST_ID_REUSED.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "tarn/ingestion/v1/device_registry_service.pb.h"

#include "common/postgres/postgres_pool.h"
#include "services/ingestion/device/device.h"
#include "services/ingestion/stream/stream_store.h"

namespace tarn::ingestion {

class DeviceStore {
 public:
  // `max_devices` of each workspace.
  DeviceStore(PostgresPool& pool, int64_t max_devices) : pool_(pool), max_devices_(max_devices) {}

  absl::StatusOr<Device> Create(const RequestContext& context,
                                const v1::CreateDeviceRequest& request, const Device& device);
  // `change` gets the present device and gives the new one. Unchanged, nothing is written.
  absl::StatusOr<Device> Update(const RequestContext& context,
                                const v1::UpdateDeviceRequest& request, std::string_view id,
                                const std::function<absl::StatusOr<Device>(const Device&)>& change);
  absl::Status Delete(const RequestContext& context, const v1::DeleteDeviceRequest& request,
                      std::string_view id);
  absl::StatusOr<Device> Get(std::string_view workspace, std::string_view id);
  // By id, those after `after`, of `type` (any when it is empty); at most `limit`.
  absl::StatusOr<std::vector<Device>> List(std::string_view workspace, std::string_view type,
                                           std::string_view after, int limit);
  // Makes or replaces all of them in one transaction. Their ids differ.
  absl::StatusOr<v1::ImportDevicesResponse> Import(const RequestContext& context,
                                                   const std::vector<Device>& devices,
                                                   bool validate_only);

  // What is newer than `version`, as it is now.
  struct Changes {
    int64_t version = 0;
    bool all = false;             // devices were deleted: this is everything there is
    std::vector<Device> devices;  // without their metadata
  };
  absl::StatusOr<Changes> ChangesSince(std::string_view workspace, int64_t version);

 private:
  absl::Status CheckRoom(int64_t device_count) const;

  PostgresPool& pool_;
  const int64_t max_devices_;
};

}  // namespace tarn::ingestion

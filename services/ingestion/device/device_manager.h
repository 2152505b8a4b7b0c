// The rules of devices. Thread safe. Errors are the store's, and INVALID_FIELD.
#pragma once

#include <string>
#include <string_view>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "tarn/ingestion/v1/device_registry_service.pb.h"

#include "services/ingestion/device/device_store.h"

namespace tarn::ingestion {

class DeviceManager {
 public:
  explicit DeviceManager(DeviceStore& store) : store_(store) {}

  absl::StatusOr<v1::Device> Create(const RequestContext& context,
                                    const v1::CreateDeviceRequest& request);
  absl::StatusOr<v1::Device> Get(const std::string& workspace, const std::string& name);
  absl::StatusOr<v1::ListDevicesResponse> List(const std::string& workspace,
                                               const v1::ListDevicesRequest& request);
  absl::StatusOr<v1::Device> Update(const RequestContext& context,
                                    const v1::UpdateDeviceRequest& request);
  absl::Status Delete(const RequestContext& context, const v1::DeleteDeviceRequest& request);
  // INVALID_ARGUMENT INVALID_IMPORT names the bad lines of `text`.
  absl::StatusOr<v1::ImportDevicesResponse> Import(const RequestContext& context,
                                                   const v1::ImportDevicesHeader& header,
                                                   std::string_view text);

 private:
  DeviceStore& store_;
};

}  // namespace tarn::ingestion

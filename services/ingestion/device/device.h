// A device as the registry keeps it. A plain value.
#pragma once

#include <cstdint>
#include <string>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "tarn/ingestion/v1/device.pb.h"

namespace tarn::ingestion {

inline constexpr size_t kMaxDeviceAttributesBytes = 4096;
inline constexpr size_t kMaxDeviceMetadataBytes = 16384;

struct Device {
  std::string id;
  std::string type;
  std::string attributes = "{}";  // a JSON object
  std::string metadata = "{}";    // the same
  int64_t revision = 1;
  absl::Time create_time;
  absl::Time update_time;

  std::string name() const { return "devices/" + id; }
  std::string etag() const { return std::string("r").append(std::to_string(revision)); }
};

// The id in `devices/{device}`; INVALID_ARGUMENT INVALID_RESOURCE_NAME.
absl::StatusOr<std::string> ParseDeviceName(const std::string& name);

// What is wrong with an id, a type, or the sizes of a device; "" when nothing is.
std::string DeviceIdProblem(std::string_view id);
std::string DeviceTypeProblem(std::string_view type);
std::string DeviceSizeProblem(const Device& device);

// The input fields. INVALID_ARGUMENT (INVALID_FIELD) lists what is wrong, below "device".
absl::StatusOr<Device> DeviceFromProto(const v1::Device& proto);
// INTERNAL where what is stored is no JSON object.
absl::StatusOr<v1::Device> DeviceToProto(const Device& device);

}  // namespace tarn::ingestion

// The text of an import as devices: CSV, or JSON (lines, or one array). Pure functions; any thread.
#pragma once

#include <string_view>
#include <vector>

#include <absl/status/statusor.h>

#include "tarn/ingestion/v1/device_registry_service.pb.h"

#include "services/ingestion/device/device.h"

namespace tarn::ingestion {

inline constexpr size_t kMaxImportBytes = 64u << 20;
inline constexpr size_t kMaxImportDevices = 1'000'000;

// All devices, whose ids differ; or INVALID_ARGUMENT INVALID_IMPORT with a violation for each bad
// line ("line 7", "line 7, column lat"), the first hundred of them. For a header that is wrong,
// INVALID_FIELD.
absl::StatusOr<std::vector<Device>> ParseDeviceImport(const v1::ImportDevicesHeader& header,
                                                      std::string_view text);

}  // namespace tarn::ingestion

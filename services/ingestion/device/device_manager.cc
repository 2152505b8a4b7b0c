#include "services/ingestion/device/device_manager.h"

#include <vector>

#include <absl/strings/str_cat.h>

#include "common/page_token/page_token.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/ingestion/device/device_import.h"

namespace tarn::ingestion {

absl::StatusOr<v1::Device> DeviceManager::Create(const RequestContext& context,
                                                 const v1::CreateDeviceRequest& request) {
  TARN_ASSIGN_OR_RETURN(const Device wanted, DeviceFromProto(request.device()));
  TARN_ASSIGN_OR_RETURN(const Device device, store_.Create(context, request, wanted));
  return DeviceToProto(device);
}

absl::StatusOr<v1::Device> DeviceManager::Get(const std::string& workspace,
                                              const std::string& name) {
  TARN_ASSIGN_OR_RETURN(const std::string id, ParseDeviceName(name));
  TARN_ASSIGN_OR_RETURN(const Device device, store_.Get(workspace, id));
  return DeviceToProto(device);
}

absl::StatusOr<v1::ListDevicesResponse> DeviceManager::List(const std::string& workspace,
                                                            const v1::ListDevicesRequest& request) {
  const std::string query = QueryFingerprint({"devices", workspace, request.type()});
  TARN_ASSIGN_OR_RETURN(const std::string after, DecodePageToken(query, request.page_token()));
  TARN_ASSIGN_OR_RETURN(const int size, PageSize(request.page_size()));
  TARN_ASSIGN_OR_RETURN(std::vector<Device> devices,
                        store_.List(workspace, request.type(), after, size + 1));
  v1::ListDevicesResponse response;
  if (static_cast<int>(devices.size()) > size) {
    devices.pop_back();
    response.set_next_page_token(EncodePageToken(query, devices.back().id));
  }
  for (const Device& device : devices) {
    TARN_ASSIGN_OR_RETURN(*response.add_devices(), DeviceToProto(device));
  }
  return response;
}

absl::StatusOr<v1::Device> DeviceManager::Update(const RequestContext& context,
                                                 const v1::UpdateDeviceRequest& request) {
  TARN_ASSIGN_OR_RETURN(const std::string id, ParseDeviceName(request.device().name()));
  const auto change = [&](const Device& current) -> absl::StatusOr<Device> {
    TARN_ASSIGN_OR_RETURN(v1::Device next, DeviceToProto(current));
    std::vector<std::string> paths(request.update_mask().paths().begin(),
                                   request.update_mask().paths().end());
    if (paths.empty()) paths = {"type", "attributes", "metadata"};
    for (const std::string& path : paths) {
      if (path == "type") {
        next.set_type(request.device().type());
      } else if (path == "attributes") {
        *next.mutable_attributes() = request.device().attributes();
      } else if (path == "metadata") {
        *next.mutable_metadata() = request.device().metadata();
      } else {
        return InvalidFields({{"update_mask", absl::StrCat("a device has no field \"", path,
                                                           "\" that can be changed; it has type, "
                                                           "attributes and metadata")}});
      }
    }
    return DeviceFromProto(next);
  };
  TARN_ASSIGN_OR_RETURN(const Device device, store_.Update(context, request, id, change));
  return DeviceToProto(device);
}

absl::Status DeviceManager::Delete(const RequestContext& context,
                                   const v1::DeleteDeviceRequest& request) {
  TARN_ASSIGN_OR_RETURN(const std::string id, ParseDeviceName(request.name()));
  return store_.Delete(context, request, id);
}

absl::StatusOr<v1::ImportDevicesResponse> DeviceManager::Import(
    const RequestContext& context, const v1::ImportDevicesHeader& header, std::string_view text) {
  TARN_ASSIGN_OR_RETURN(const std::vector<Device> devices, ParseDeviceImport(header, text));
  return store_.Import(context, devices, header.validate_only());
}

}  // namespace tarn::ingestion

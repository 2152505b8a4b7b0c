// The RPCs of the device registry: decode, call, encode. Thread safe.
#pragma once

#include <memory>

#include "tarn/ingestion/v1/device_registry_service.grpc.pb.h"

#include "common/rpc/call_handler.h"

namespace tarn {
class StorageOpener;
}

namespace tarn::ingestion {

class DeviceManager;

class DeviceRegistryService : public v1::DeviceRegistryService::Service {
 public:
  // Both outlive the service. Every call fails with the storage's Check until that is OK.
  DeviceRegistryService(rpc::CallHandlerOptions options, DeviceManager& devices,
                        const StorageOpener& storage)
      : handler_(std::move(options)), devices_(devices), storage_(storage) {}

  grpc::Status CreateDevice(grpc::ServerContext*, const v1::CreateDeviceRequest*,
                            v1::Device*) override;
  grpc::Status GetDevice(grpc::ServerContext*, const v1::GetDeviceRequest*, v1::Device*) override;
  grpc::Status ListDevices(grpc::ServerContext*, const v1::ListDevicesRequest*,
                           v1::ListDevicesResponse*) override;
  grpc::Status UpdateDevice(grpc::ServerContext*, const v1::UpdateDeviceRequest*,
                            v1::Device*) override;
  grpc::Status DeleteDevice(grpc::ServerContext*, const v1::DeleteDeviceRequest*,
                            v1::DeleteDeviceResponse*) override;
  grpc::Status ImportDevices(grpc::ServerContext*, grpc::ServerReader<v1::ImportDevicesRequest>*,
                             v1::ImportDevicesResponse*) override;

 private:
  grpc::Status Handle(grpc::ServerContext* context, rpc::MethodInfo method,
                      absl::FunctionRef<absl::Status(const rpc::CallContext&)> body) const;

  rpc::CallHandler handler_;
  DeviceManager& devices_;
  const StorageOpener& storage_;
};

}  // namespace tarn::ingestion

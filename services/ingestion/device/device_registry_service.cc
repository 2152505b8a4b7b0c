#include "services/ingestion/device/device_registry_service.h"

#include "common/postgres/storage_opener.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/ingestion/device/device_import.h"
#include "services/ingestion/device/device_manager.h"

namespace tarn::ingestion {

using rpc::Access;
using rpc::CallContext;

namespace {

RequestContext ContextOf(const CallContext& call) {
  return {call.caller.workspace, call.caller.user};
}

// All that the client sends after the header.
absl::StatusOr<std::string> ReadText(const CallContext& call,
                                     grpc::ServerReader<v1::ImportDevicesRequest>& reader) {
  std::string text;
  v1::ImportDevicesRequest message;
  while (reader.Read(&message)) {
    if (!message.has_chunk()) {
      return InvalidFields({{"chunk", "after the header every message is a chunk"}});
    }
    if (text.size() + message.chunk().size() > kMaxImportBytes) {
      return InvalidArgument("REQUEST_TOO_LARGE",
                             "an import has at most 64 MiB; import the devices in several parts");
    }
    text += message.chunk();
  }
  // A stream that broke off ends the same way as one that is complete.
  if (call.IsCancelled()) {
    return MakeError(absl::StatusCode::kCancelled, "IMPORT_INTERRUPTED",
                     "the import broke off; nothing of it was kept");
  }
  return text;
}

}  // namespace

grpc::Status DeviceRegistryService::Handle(
    grpc::ServerContext* context, rpc::MethodInfo method,
    absl::FunctionRef<absl::Status(const rpc::CallContext&)> body) const {
  return handler_.Handle(context, method, [&](const CallContext& call) -> absl::Status {
    TARN_RETURN_IF_ERROR(storage_.Check());
    return body(call);
  });
}

grpc::Status DeviceRegistryService::CreateDevice(grpc::ServerContext* context,
                                                 const v1::CreateDeviceRequest* request,
                                                 v1::Device* response) {
  return Handle(context, {"CreateDevice", Access::kWrite}, [&](const CallContext& call) {
    TARN_ASSIGN_OR_RETURN(*response, devices_.Create(ContextOf(call), *request));
    return absl::OkStatus();
  });
}

grpc::Status DeviceRegistryService::GetDevice(grpc::ServerContext* context,
                                              const v1::GetDeviceRequest* request,
                                              v1::Device* response) {
  return Handle(context, {"GetDevice", Access::kRead}, [&](const CallContext& call) {
    TARN_ASSIGN_OR_RETURN(*response, devices_.Get(call.caller.workspace, request->name()));
    return absl::OkStatus();
  });
}

grpc::Status DeviceRegistryService::ListDevices(grpc::ServerContext* context,
                                                const v1::ListDevicesRequest* request,
                                                v1::ListDevicesResponse* response) {
  return Handle(context, {"ListDevices", Access::kRead}, [&](const CallContext& call) {
    TARN_ASSIGN_OR_RETURN(*response, devices_.List(call.caller.workspace, *request));
    return absl::OkStatus();
  });
}

grpc::Status DeviceRegistryService::UpdateDevice(grpc::ServerContext* context,
                                                 const v1::UpdateDeviceRequest* request,
                                                 v1::Device* response) {
  return Handle(context, {"UpdateDevice", Access::kWrite}, [&](const CallContext& call) {
    TARN_ASSIGN_OR_RETURN(*response, devices_.Update(ContextOf(call), *request));
    return absl::OkStatus();
  });
}

grpc::Status DeviceRegistryService::DeleteDevice(grpc::ServerContext* context,
                                                 const v1::DeleteDeviceRequest* request,
                                                 v1::DeleteDeviceResponse*) {
  return Handle(context, {"DeleteDevice", Access::kWrite}, [&](const CallContext& call) {
    return devices_.Delete(ContextOf(call), *request);
  });
}

grpc::Status DeviceRegistryService::ImportDevices(
    grpc::ServerContext* context, grpc::ServerReader<v1::ImportDevicesRequest>* reader,
    v1::ImportDevicesResponse* response) {
  return Handle(
      context, {"ImportDevices", Access::kWrite}, [&](const CallContext& call) -> absl::Status {
        v1::ImportDevicesRequest first;
        if (!reader->Read(&first) || !first.has_header()) {
          return InvalidFields({{"header", "the first message must be the header"}});
        }
        TARN_ASSIGN_OR_RETURN(const std::string text, ReadText(call, *reader));
        TARN_ASSIGN_OR_RETURN(*response, devices_.Import(ContextOf(call), first.header(), text));
        return absl::OkStatus();
      });
}

}  // namespace tarn::ingestion

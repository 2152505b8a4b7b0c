// Forwards every call of every other module unchanged: unary and streams of all kinds, with
// metadata, deadline, cancellation both ways, back-pressure, trailers and error details. Messages
// are never parsed. Which module a call goes to is in its path: /tarn.<module>.v1.…
#pragma once

#include <grpcpp/generic/async_generic_service.h>

#include "services/dashboard/gateway/module_channels.h"

namespace tarn {
class Metrics;
}

namespace tarn::dashboard {

class GatewayMetrics;

// Register it at dashboard's server with RegisterCallbackGenericService; services that are
// registered there themselves come first. Thread safe; outlives its calls.
class GrpcGateway : public grpc::CallbackGenericService {
 public:
  // `metrics` must outlive it.
  GrpcGateway(ModuleChannels channels, GatewayMetrics& metrics)
      : channels_(std::move(channels)), metrics_(metrics) {}

  grpc::ServerGenericBidiReactor* CreateReactor(
      grpc::GenericCallbackServerContext* context) override;

 private:
  const ModuleChannels channels_;
  GatewayMetrics& metrics_;
};

}  // namespace tarn::dashboard

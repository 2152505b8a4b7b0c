#include "common/server/grpc_server.h"

#include <chrono>
#include <mutex>

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/resource_quota.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include "common/rpc/grpc_library.h"
#include "common/rpc/service_directory.h"
#include "common/rpc/status_conversion.h"
#include "common/server/listen_address.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"

namespace tarn::server {
namespace {

// Health and reflection are switches of the whole process in gRPC.
void EnableSharedServices() {
  static std::once_flag once;
  std::call_once(once, [] {
    rpc::KeepGrpcInitialized();
    grpc::EnableDefaultHealthCheckService(true);
    grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  });
}

void SetLimits(grpc::ServerBuilder& builder, int max_threads) {
  builder.SetMaxReceiveMessageSize(rpc::kMaxMessageBytes);
  builder.SetMaxSendMessageSize(rpc::kMaxMessageBytes);
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, rpc::kMaxMetadataBytes);
  // Without this a second process could share the port, and get half of the calls.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  // Clients of ours ping each 30 s while a call lasts.
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 10000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 60000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 20000);
  grpc::ResourceQuota quota;
  quota.SetMaxThreads(max_threads);
  builder.SetResourceQuota(quota);
  builder.SetSyncServerOption(grpc::ServerBuilder::SyncServerOption::NUM_CQS, 1);
  builder.SetSyncServerOption(grpc::ServerBuilder::SyncServerOption::MIN_POLLERS, 1);
  builder.SetSyncServerOption(grpc::ServerBuilder::SyncServerOption::MAX_POLLERS, 4);
}

}  // namespace

GrpcServer::GrpcServer(std::string module, std::unique_ptr<grpc::Server> server,
                       std::string address, int port)
    : module_(std::move(module)),
      server_(std::move(server)),
      address_(std::move(address)),
      port_(port) {}

GrpcServer::~GrpcServer() { Shutdown(absl::ZeroDuration()); }

absl::StatusOr<std::unique_ptr<GrpcServer>> GrpcServer::Start(
    const GrpcServerOptions& options, const std::function<void(grpc::ServerBuilder&)>& configure) {
  EnableSharedServices();
  grpc::ServerBuilder builder;
  SetLimits(builder, options.max_threads);
  int port = 0;
  if (!options.listen.empty()) {
    const std::string& option = options.listen_option;
    TARN_ASSIGN_OR_RETURN(ListenAddress address, ParseListenAddress(options.listen, option));
    TARN_RETURN_IF_ERROR(
        CheckListenerSecurity(address, option, options.tls.enabled(), options.allow_insecure));
    TARN_ASSIGN_OR_RETURN(auto credentials, ListenerCredentials(options.tls));
    TARN_RETURN_IF_ERROR(CheckCanBind(address, option));
    builder.AddListeningPort(options.listen, credentials, &port);
  }
  configure(builder);
  std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr || (!options.listen.empty() && port == 0)) {
    return FailedPrecondition("LISTEN_REFUSED",
                              options.listen_option + ": the server of " + options.module +
                                  " could not be started on '" + options.listen +
                                  "'; check that nothing else took the port just now");
  }
  server->GetHealthCheckService()->SetServingStatus(options.module, false);
  server->GetHealthCheckService()->SetServingStatus(false);
  std::string address;
  if (port != 0) {
    address = options.listen.substr(0, options.listen.rfind(':') + 1) + std::to_string(port);
  }
  return std::unique_ptr<GrpcServer>(
      new GrpcServer(options.module, std::move(server), std::move(address), port));
}

std::shared_ptr<grpc::Channel> GrpcServer::InProcessChannel() {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(rpc::kMaxMessageBytes);
  arguments.SetMaxSendMessageSize(rpc::kMaxMessageBytes);
  return server_->InProcessChannel(arguments);
}

void GrpcServer::SetServing(bool serving) {
  server_->GetHealthCheckService()->SetServingStatus(serving);
}

void GrpcServer::Shutdown(absl::Duration grace) {
  server_->Shutdown(std::chrono::system_clock::now() + absl::ToChronoMicroseconds(grace));
  server_->Wait();
}

}  // namespace tarn::server

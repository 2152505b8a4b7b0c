#include "common/rpc/service_directory.h"

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include "common/rpc/grpc_library.h"
#include "common/rpc/status_conversion.h"
#include "common/status/error.h"

namespace tarn::rpc {

std::shared_ptr<grpc::Channel> CreateChannelTo(
    const std::string& address, const std::shared_ptr<grpc::ChannelCredentials>& credentials) {
  KeepGrpcInitialized();
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMaxMessageBytes);
  arguments.SetMaxSendMessageSize(kMaxMessageBytes);
  arguments.SetInt(GRPC_ARG_MAX_METADATA_SIZE, kMaxMetadataBytes);
  // A module that was restarted is found again within a second.
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1000);
  // How long one attempt to connect may take.
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 5000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 30000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10000);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  return grpc::CreateCustomChannel(address, credentials, arguments);
}

absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> ClientCredentials(
    bool tls, const std::string& ca_file) {
  if (!tls && ca_file.empty()) return grpc::InsecureChannelCredentials();
  grpc::SslCredentialsOptions options;
  if (!ca_file.empty()) {
    std::ifstream file(ca_file, std::ios::binary);
    options.pem_root_certs.assign(std::istreambuf_iterator<char>(file), {});
    if (options.pem_root_certs.find("-----BEGIN CERTIFICATE-----") == std::string::npos) {
      return FailedPrecondition("TLS_FILE_UNREADABLE",
                                "the certificate authority file " + ca_file +
                                    " cannot be read or holds no PEM certificate",
                                {{"path", ca_file}});
    }
  }
  return grpc::SslCredentials(options);
}

ServiceDirectory::ServiceDirectory(std::map<std::string, std::string, std::less<>> addresses,
                                   std::shared_ptr<grpc::ChannelCredentials> credentials)
    : addresses_(std::move(addresses)), credentials_(std::move(credentials)) {}

void ServiceDirectory::Set(std::string_view module, std::shared_ptr<grpc::Channel> channel) {
  std::lock_guard lock(mutex_);
  channels_[std::string(module)] = std::move(channel);
}

std::shared_ptr<grpc::Channel> ServiceDirectory::ChannelFor(std::string_view module) {
  std::lock_guard lock(mutex_);
  if (auto it = channels_.find(module); it != channels_.end()) return it->second;
  auto address = addresses_.find(module);
  if (address == addresses_.end()) {
    std::fprintf(stderr,
                 "ServiceDirectory: no channel to module '%.*s'; ask for it in Module::Start or "
                 "later\n",
                 static_cast<int>(module.size()), module.data());
    std::abort();
  }
  return channels_[std::string(module)] = CreateChannelTo(address->second, credentials_);
}

}  // namespace tarn::rpc

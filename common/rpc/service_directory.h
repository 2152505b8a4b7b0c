// A channel to each module, whether it runs in this process or elsewhere.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

namespace grpc {
class Channel;
class ChannelCredentials;
}  // namespace grpc

namespace tarn::rpc {

// Requests and responses larger than this are refused, on both ends.
inline constexpr int kMaxMessageBytes = 16 * 1024 * 1024;

// A channel to `address` ("host:port", "unix:/path") with our limits, keepalive and a reconnect
// back-off of at most a second. Connects lazily and again for ever; ignores HTTP proxies.
std::shared_ptr<grpc::Channel> CreateChannelTo(
    const std::string& address, const std::shared_ptr<grpc::ChannelCredentials>& credentials);

// Credentials of a client: plain text when `ca_file` is empty and `tls` is false; else TLS with
// that authority, or the system's when it is empty. FAILED_PRECONDITION with reason
// TLS_FILE_UNREADABLE.
absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> ClientCredentials(
    bool tls, const std::string& ca_file);

// Thread safe. Channels are made once, at first use, and shared.
class ServiceDirectory {
 public:
  // Knows no module until Set is called: for modules of one process.
  ServiceDirectory() = default;
  // Modules by name ("catalog") at addresses.
  ServiceDirectory(std::map<std::string, std::string, std::less<>> addresses,
                   std::shared_ptr<grpc::ChannelCredentials> credentials);

  // Puts `channel` in the place of whatever was known of `module`.
  void Set(std::string_view module, std::shared_ptr<grpc::Channel> channel);

  // The channel to `module`. Call it in Module::Start or later: in one process the channels exist
  // only when every server has been built. A module that is not known is a mistake in the program,
  // and ends it with a message.
  std::shared_ptr<grpc::Channel> ChannelFor(std::string_view module);

 private:
  const std::map<std::string, std::string, std::less<>> addresses_;
  const std::shared_ptr<grpc::ChannelCredentials> credentials_;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<grpc::Channel>, std::less<>> channels_;
};

}  // namespace tarn::rpc

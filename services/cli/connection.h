// The one channel over which `tarn` talks to every module, and the credential of its calls. A key
// is exchanged for a token at the first call, and again when the token grows old.
// Thread safe once opened.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <type_traits>

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "common/rpc/client.h"
#include "common/rpc/credentials.h"

namespace google::protobuf {
class Message;
class MethodDescriptor;
}  // namespace google::protobuf

namespace grpc {
class Channel;
}

namespace tarn::cli {

struct ConnectionOptions {
  std::string address = "127.0.0.1:7100";
  std::string key;  // "" calls without a credential
  bool tls = false;
  std::string ca_file;
  // How patiently a call is made again that met no server: some 5 s, so that a server that is being
  // restarted breaks no script.
  rpc::RetryPolicy retry{.max_attempts = 10,
                         .initial_backoff = absl::Milliseconds(100),
                         .max_backoff = absl::Seconds(1)};
};

// The key in `path` without white space around it. FAILED_PRECONDITION with reason
// KEY_FILE_UNREADABLE when there is none, or an error of ReadSecretFile (common/secret_file).
absl::StatusOr<std::string> ReadKeyFile(const std::string& path);

class Connection {
 public:
  // Does not connect yet. FAILED_PRECONDITION, TLS_FILE_UNREADABLE.
  static absl::StatusOr<std::unique_ptr<Connection>> Open(ConnectionOptions options);

  const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }
  const ConnectionOptions& options() const { return options_; }
  // From now on a call fails at once when it meets no server. Before threads share the connection.
  void DoNotRetry() { options_.retry.max_attempts = 1; }
  // Travels with every call of this command, and stands in the servers' logs.
  const std::string& request_id() const { return request_id_; }

  // What a stream's context needs; waits for a server that is not there as Call does. Errors of
  // ExchangeKey: UNAUTHENTICATED, UNAVAILABLE.
  absl::StatusOr<rpc::Credentials> GetCredentials();

  // A unary call that may be made twice (a read, or one with a request_id): UNAVAILABLE is tried
  // again. `stub` is a generated Stub.
  template <typename Stub, typename Base, typename Request, typename Response>
  absl::StatusOr<Response> Call(
      Stub& stub, grpc::Status (Base::*method)(grpc::ClientContext*, const Request&, Response*),
      const std::type_identity_t<Request>& request, absl::Duration timeout = absl::Seconds(60)) {
    return rpc::RetryUnavailable(options_.retry, [&]() -> absl::StatusOr<Response> {
      absl::StatusOr<rpc::Credentials> credentials = FreshCredentials();
      if (!credentials.ok()) return credentials.status();
      return rpc::Call(stub, method, request, *credentials, {.timeout = timeout});
    });
  }

  // The same for a method that is known by its descriptor alone.
  absl::Status CallByDescriptor(const google::protobuf::MethodDescriptor& method,
                                const google::protobuf::Message& request,
                                google::protobuf::Message* response);

 private:
  Connection(ConnectionOptions options, std::shared_ptr<grpc::Channel> channel);

  absl::StatusOr<rpc::Credentials> FreshCredentials();
  absl::Status ExchangeKey();

  ConnectionOptions options_;
  const std::shared_ptr<grpc::Channel> channel_;
  const std::string request_id_;
  std::mutex mutex_;
  std::string token_;             // guarded by mutex_; "" before the first exchange
  absl::Time exchange_time_;      // guarded by mutex_
  absl::Time token_expire_time_;  // guarded by mutex_
};

}  // namespace tarn::cli

// One module's gRPC server: limits, health, reflection, TLS, and an end in good order.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "common/server/tls.h"

namespace grpc {
class Channel;
class Server;
class ServerBuilder;
}  // namespace grpc

namespace tarn::server {

struct GrpcServerOptions {
  // "catalog": a service name that health knows besides "".
  std::string module;
  // "host:port"; port 0 takes a free one. Empty: no listener, in-process calls alone.
  std::string listen;
  // The option that `listen` came from, for messages.
  std::string listen_option;
  TlsFiles tls;
  bool allow_insecure = false;
  // Calls beyond this number of threads are refused as RESOURCE_EXHAUSTED.
  int max_threads = 256;
};

// Thread safe. Shut down at the latest by the destructor, without grace.
class GrpcServer {
 public:
  // Builds and starts a server; `configure` adds services to the builder (a generic callback
  // service too). Health says NOT_SERVING until SetServing(true). Errors: those of listen_address.h
  // and tls.h, before anything listens.
  static absl::StatusOr<std::unique_ptr<GrpcServer>> Start(
      const GrpcServerOptions& options, const std::function<void(grpc::ServerBuilder&)>& configure);
  ~GrpcServer();
  GrpcServer(const GrpcServer&) = delete;
  GrpcServer& operator=(const GrpcServer&) = delete;

  // "127.0.0.1:7101" with the port that was taken, or "" without a listener.
  const std::string& address() const { return address_; }
  int port() const { return port_; }
  // A channel that stays in the process. Calling on it after Shutdown crashes in gRPC 1.51 (its
  // in-process transport is gone by then): ModuleHost ends servers when nobody calls any more.
  std::shared_ptr<grpc::Channel> InProcessChannel();

  void SetServing(bool serving);
  // Takes no new calls, waits for those under way, and cancels those that last beyond `grace`.
  // Returns when none is left. Handlers that ignore their cancellation are waited for.
  void Shutdown(absl::Duration grace);

 private:
  GrpcServer(std::string module, std::unique_ptr<grpc::Server> server, std::string address,
             int port);

  const std::string module_;
  const std::unique_ptr<grpc::Server> server_;
  const std::string address_;
  const int port_;
};

}  // namespace tarn::server

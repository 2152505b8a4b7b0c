// One of Tarn's six modules, as the process that runs it sees it.
//
// The life of a module, always in this order, on the process's main thread:
//
// - construct: keep references, make service objects. No I/O, no calls, no threads; channels to
//   other modules do not exist yet.
// - RegisterServices: hand the service objects to the server that is being built.
// - (The server starts: health answers NOT_SERVING, every other call is refused as UNAVAILABLE by
//   the ServingGate that CallHandler asks.)
// - Start: open the database, migrate, read state, start background loops. May take long. Must not
//   need another module, which may not have started: loops treat UNAVAILABLE as "try again". An
//   error ends the process with its message.
// - (The gate opens.)
// - Ready: polled each second from a thread of the runner: whether health says SERVING.
// - Drain: the process is to stop. Calls still arrive and must be served. Take no new background
//   work, and end streams that last (subscriptions, watches) with UNAVAILABLE, since the end of all
//   calls is waited for. Must not block for long.
// - (The gate shuts: new calls are refused; those under way are waited for as long as the shutdown
//   grace, then cancelled.)
// - Stop: no call is under way any more, none will come in. End the loops and the pools; what is
//   acknowledged is durable already. Modules that started later have stopped: calls to them answer
//   UNAVAILABLE. Make no call after it.
// - (When all modules of the process have stopped, the servers are shut down.)
// - destruct: whatever Start opened is closed.
//
// Stop and the destructor also follow a Start that failed; Drain does not.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include <absl/status/status.h>

namespace grpc {
class ServerBuilder;
}

namespace tarn::server {

class Module {
 public:
  virtual ~Module() = default;

  // "catalog": names the options, the metrics and the log lines.
  virtual std::string_view name() const = 0;
  virtual void RegisterServices(grpc::ServerBuilder& builder) = 0;
  virtual absl::Status Start() = 0;
  // OK when the module can do its work now; else why not ("PostgreSQL cannot be reached"). Cheap,
  // and thread safe: called while calls run.
  virtual absl::Status Ready() { return absl::OkStatus(); }
  // Listeners besides the gRPC server, by name: {"http", "127.0.0.1:8080"}. Asked once, after
  // Start.
  virtual std::map<std::string, std::string> ExtraAddresses() const { return {}; }
  virtual void Drain() {}
  virtual void Stop() {}
};

}  // namespace tarn::server

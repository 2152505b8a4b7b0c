// Runs the modules of a process, one or all six: a server and a gate for each, readiness to health,
// and start and stop in order.
#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <absl/status/status.h>
#include <absl/time/time.h>

#include "common/rpc/serving_gate.h"
#include "common/server/grpc_server.h"
#include "common/server/module.h"

namespace tarn::rpc {
class ServiceDirectory;
}

namespace tarn::server {

// Used from one thread (the main one); it has a thread of its own that polls Ready.
class ModuleHost {
 public:
  // `services` must outlive the host: the modules' in-process channels are put into it.
  explicit ModuleHost(rpc::ServiceDirectory& services) : services_(services) {}
  // Stops without grace what still runs.
  ~ModuleHost();

  // The gate of the module of that name: for its ModuleContext, before the module exists.
  rpc::ServingGate& GateFor(std::string_view module);
  // Takes a module that is constructed; modules start in the order of Add.
  void Add(std::unique_ptr<Module> module, GrpcServerOptions server_options);

  // Starts every server (so that a bad listener is told at once), then every module. On an error,
  // which names the module, what has been started is stopped again.
  absl::Status Start();
  // Drains all, then ends the modules one by one in reverse order: its calls, then its loops; then
  // the servers. Calls that last longer than `grace`, counted once for all modules, are cancelled.
  // Does nothing the second time.
  void Stop(absl::Duration grace);

  // Module and address of every listener.
  std::map<std::string, std::string> addresses() const;

 private:
  struct Hosted {
    std::unique_ptr<Module> module;
    GrpcServerOptions options;
    std::unique_ptr<GrpcServer> server;
    rpc::ServingGate* gate = nullptr;
    bool start_called = false;
    bool serving = false;
  };

  absl::Status StartServer(Hosted& hosted);
  void PollReadiness();
  void UpdateHealth(Hosted& hosted);
  void EndPolling();

  rpc::ServiceDirectory& services_;
  // Node-based: gates stay where they are.
  std::map<std::string, rpc::ServingGate, std::less<>> gates_;
  std::vector<Hosted> modules_;

  std::mutex mutex_;
  std::condition_variable stop_polling_;
  bool polling_ = false;
  std::thread poller_;
};

}  // namespace tarn::server

// What a process gives to the modules that it runs. Everything referred to outlives the module.
#pragma once

#include <string>
#include <string_view>

#include "common/rpc/call_handler.h"
#include "common/rpc/serving_gate.h"
#include "common/server/tls.h"

namespace tarn {
class Clock;
class Metrics;
}  // namespace tarn
namespace tarn::auth {
class TokenProvider;
class TokenVerifier;
}  // namespace tarn::auth
namespace tarn::rpc {
class ServiceDirectory;
}

namespace tarn::server {

struct ModuleContext {
  rpc::ServiceDirectory& services;
  auth::TokenVerifier& verifier;
  auth::TokenProvider& tokens;
  Metrics& metrics;
  Clock& clock;
  // This module's own: open from Start to the end of the calls.
  rpc::ServingGate& gate;
  std::string postgres_dsn;
  // Absolute folders, which exist.
  std::string lake_path;
  std::string state_path;
  // Where dashboard writes, and every process reads, the services' key.
  std::string service_key_file;
  // For listeners that a module makes itself.
  TlsFiles tls = {};
  bool allow_insecure_listen = false;

  // For rpc::CallHandler.
  rpc::CallHandlerOptions HandlerOptions(std::string_view module) const {
    return {
        .module = std::string(module), .verifier = &verifier, .metrics = &metrics, .gate = &gate};
  }
};

}  // namespace tarn::server

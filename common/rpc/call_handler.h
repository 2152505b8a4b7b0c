// Everything that every handler needs around it, once: credential and role, request id, metrics,
// one log line for a failure, and the way from Status to gRPC.
//
//   grpc::Status TableService::GetTable(grpc::ServerContext* context, const GetTableRequest*
//   request,
//                                       Table* response) {
//     return handler_.Handle(context, {"GetTable", Access::kRead},
//                            [&](const CallContext& call) -> absl::Status { … });
//   }
//
// Streams and callback handlers use BeginCall and keep the CallScope until they finish.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <absl/functional/function_ref.h>
#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "common/rpc/call_context.h"

namespace grpc {
class ServerContextBase;
class Status;
}  // namespace grpc

namespace tarn {
class Metrics;
}
namespace tarn::auth {
class TokenVerifier;
}

namespace tarn::rpc {

class RpcMetrics;
class ServingGate;

// Who may call. An administrator may do what an editor may, an editor what a viewer may.
enum class Access {
  kPublic,   // anybody, without a credential
  kRead,     // viewer, editor, admin, service
  kWrite,    // editor, admin, service
  kAdmin,    // admin
  kService,  // service
};

// A method as metrics and logs call it. `name` must be a literal.
struct MethodInfo {
  std::string_view name;
  Access access;
};

struct CallHandlerOptions {
  // "catalog": the label of metrics and logs.
  std::string module;
  // Required; must outlive the handler.
  auth::TokenVerifier* verifier = nullptr;
  // Required; must outlive the handler. Handlers of one module may share it: families are made
  // once.
  Metrics* metrics = nullptr;
  // Refuses calls while closed. Optional; must outlive the handler.
  ServingGate* gate = nullptr;
};

// A call from its admission to its end. Finish exactly once, before the reactor's own Finish; a
// scope that is dropped before counts as CANCELLED. Not thread safe; IsCancelled of its context is.
class CallScope {
 public:
  ~CallScope();
  CallScope(const CallScope&) = delete;
  CallScope& operator=(const CallScope&) = delete;

  const CallContext& context() const { return context_; }
  // Records the end of the call and gives what goes over the wire.
  grpc::Status Finish(const absl::Status& status);

 private:
  friend class CallHandler;
  CallScope(const std::string& module, MethodInfo method, RpcMetrics& metrics);
  void Record(const absl::Status& status);

  const std::string module_;
  const MethodInfo method_;
  RpcMetrics& metrics_;
  const absl::Time start_;
  CallContext context_;
  // What the call has entered and must leave; null before that.
  ServingGate* gate_ = nullptr;
  grpc::ServerContextBase* server_context_ = nullptr;
  bool finished_ = false;
};

// Thread safe. Must outlive its scopes.
class CallHandler {
 public:
  explicit CallHandler(CallHandlerOptions options);
  ~CallHandler();

  // Runs `body` for an admitted call. Its exceptions become INTERNAL with reason
  // UNEXPECTED_EXCEPTION: the client sees the request id, the log the text.
  grpc::Status Handle(grpc::ServerContextBase* context, MethodInfo method,
                      absl::FunctionRef<absl::Status(const CallContext&)> body) const;

  // Admits a call. On an error the call has been recorded already: finish it with
  // ToGrpcStatus(error). Errors: those of auth::TokenVerifier::Verify; PERMISSION_DENIED with
  // reason ROLE_REQUIRED; UNAVAILABLE with reason MODULE_NOT_SERVING. The request id is sent back
  // in the initial metadata.
  absl::StatusOr<std::unique_ptr<CallScope>> BeginCall(grpc::ServerContextBase* context,
                                                       MethodInfo method) const;
  // The same for a call that came another way than gRPC, with the bearer token and the request id
  // that it brought ("": a new one is made). It cannot be cancelled: it must end soon by itself.
  absl::StatusOr<std::unique_ptr<CallScope>> BeginPlainCall(const std::string& token,
                                                            const std::string& request_id,
                                                            MethodInfo method) const;

 private:
  absl::Status Admit(MethodInfo method, const std::string& token, CallContext& call) const;

  const CallHandlerOptions options_;
  const std::unique_ptr<RpcMetrics> metrics_;
};

}  // namespace tarn::rpc

#include "common/rpc/call_handler.h"

#include <algorithm>
#include <chrono>
#include <exception>

#include <absl/time/clock.h>
#include <grpcpp/server_context.h>

#include "common/auth/token_verifier.h"
#include "common/ids/ids.h"
#include "common/logging/logging.h"
#include "common/rpc/rpc_metrics.h"
#include "common/rpc/serving_gate.h"
#include "common/rpc/status_conversion.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"

namespace tarn::rpc {
namespace {

std::string Metadata(const grpc::ServerContextBase& context, const char* key) {
  auto it = context.client_metadata().find(key);
  if (it == context.client_metadata().end()) return "";
  return {it->second.data(), it->second.size()};
}

// A foreign id goes into logs and on to other services: only a short and plain one is kept.
bool IsPlainRequestId(std::string_view id) {
  return !id.empty() && id.size() <= 64 && std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  });
}

std::string RequestIdFrom(const std::string& id) { return IsPlainRequestId(id) ? id : NewUuid(); }

// What follows "Bearer " (in any case), or "".
std::string BearerToken(const grpc::ServerContextBase& context) {
  std::string value = Metadata(context, kAuthorizationMetadata);
  constexpr std::string_view kScheme = "bearer ";
  if (value.size() <= kScheme.size()) return "";
  for (size_t i = 0; i < kScheme.size(); ++i) {
    if ((static_cast<unsigned char>(value[i]) | 0x20) != static_cast<unsigned char>(kScheme[i])) {
      return "";
    }
  }
  return value.substr(kScheme.size());
}

absl::Time DeadlineOf(const grpc::ServerContextBase& context) {
  std::chrono::system_clock::time_point deadline = context.deadline();
  if (deadline == std::chrono::system_clock::time_point::max()) return absl::InfiniteFuture();
  return absl::FromChrono(deadline);
}

// The least role that `access` asks for, and whether the caller has it or a stronger one.
struct RoleCheck {
  std::string_view required;
  bool passed;
};

RoleCheck CheckRole(Access access, const auth::Caller& caller) {
  bool admin = caller.IsAdmin();
  bool service = caller.IsService();
  bool editor = caller.HasRole(auth::kEditorRole) || admin;
  bool viewer = caller.HasRole(auth::kViewerRole) || editor;
  switch (access) {
    case Access::kPublic:
      return {"", true};
    case Access::kRead:
      return {auth::kViewerRole, viewer || service};
    case Access::kWrite:
      return {auth::kEditorRole, editor || service};
    case Access::kAdmin:
      return {auth::kAdminRole, admin};
    case Access::kService:
      return {auth::kServiceRole, service};
  }
  return {auth::kAdminRole, false};
}

bool IsServerFault(absl::StatusCode code) {
  return code == absl::StatusCode::kInternal || code == absl::StatusCode::kUnknown ||
         code == absl::StatusCode::kDataLoss;
}

absl::Status NotServing(const std::string& module) {
  return Unavailable("MODULE_NOT_SERVING",
                     module + " is starting or stopping; try again in a moment");
}

absl::Status UnexpectedException(const CallContext& call, const std::string& module,
                                 MethodInfo method, std::string_view what) {
  logging::Error(module, "a handler threw an exception",
                 {{"method", method.name}, {"error", what}});
  return Internal("UNEXPECTED_EXCEPTION", "an unexpected error occurred in " + module +
                                              "; its log has more under request " +
                                              call.request_id);
}

}  // namespace

CallScope::CallScope(const std::string& module, MethodInfo method, RpcMetrics& metrics)
    : module_(module), method_(method), metrics_(metrics), start_(absl::Now()) {}

CallScope::~CallScope() {
  if (!finished_) Record(absl::CancelledError("the call was abandoned"));
}

grpc::Status CallScope::Finish(const absl::Status& status) {
  Record(status);
  return ToGrpcStatus(status);
}

void CallScope::Record(const absl::Status& status) {
  if (finished_) return;
  finished_ = true;
  if (gate_ != nullptr) {
    server_context_ != nullptr ? gate_->Leave(server_context_) : gate_->LeavePlain();
  }
  absl::Duration took = absl::Now() - start_;
  metrics_.RecordCall(method_.name, StatusCodeName(status.code()), took);
  if (status.ok()) return;
  logging::ScopedRequestId request_id(context_.request_id);
  std::string reason = ErrorReason(status);
  logging::Fields fields = {
      {"method", method_.name},
      {"code", StatusCodeName(status.code())},
      {"reason", reason},
      {"error", std::string_view(status.message().data(), status.message().size())},
      {"workspace", context_.caller.workspace},
      {"user", context_.caller.user},
      {"milliseconds", absl::ToInt64Milliseconds(took)}};
  if (IsServerFault(status.code())) {
    logging::Error(module_, "call failed", fields);
  } else {
    logging::Info(module_, "call refused", fields);
  }
}

CallHandler::CallHandler(CallHandlerOptions options)
    : options_(std::move(options)),
      metrics_(std::make_unique<RpcMetrics>(*options_.metrics, options_.module)) {}

CallHandler::~CallHandler() = default;

absl::Status CallHandler::Admit(MethodInfo method, const std::string& token,
                                CallContext& call) const {
  if (method.access == Access::kPublic) return absl::OkStatus();
  TARN_ASSIGN_OR_RETURN(auth::VerifiedToken verified, options_.verifier->Verify(token));
  call.caller = std::move(verified.caller);
  call.token = token;
  call.token_expire_time = verified.expire_time;
  RoleCheck check = CheckRole(method.access, call.caller);
  if (check.passed) return absl::OkStatus();
  std::string role(check.required);
  return PermissionDenied("ROLE_REQUIRED",
                          std::string(method.name) + " needs the role " + role +
                              "; ask an administrator to grant it to " + call.caller.user,
                          {{"role", role}});
}

absl::StatusOr<std::unique_ptr<CallScope>> CallHandler::BeginCall(grpc::ServerContextBase* context,
                                                                  MethodInfo method) const {
  std::unique_ptr<CallScope> scope(new CallScope(options_.module, method, *metrics_));
  CallContext& call = scope->context_;
  call.request_id = RequestIdFrom(Metadata(*context, kRequestIdMetadata));
  call.deadline = DeadlineOf(*context);
  call.server_context = context;
  context->AddInitialMetadata(kRequestIdMetadata, call.request_id);
  absl::Status admitted;
  if (options_.gate != nullptr && !options_.gate->Enter(context)) {
    admitted = NotServing(options_.module);
  } else {
    scope->gate_ = options_.gate;
    scope->server_context_ = context;
    admitted = Admit(method, BearerToken(*context), call);
  }
  if (!admitted.ok()) {
    scope->Record(admitted);
    return admitted;
  }
  return scope;
}

absl::StatusOr<std::unique_ptr<CallScope>> CallHandler::BeginPlainCall(
    const std::string& token, const std::string& request_id, MethodInfo method) const {
  std::unique_ptr<CallScope> scope(new CallScope(options_.module, method, *metrics_));
  CallContext& call = scope->context_;
  call.request_id = RequestIdFrom(request_id);
  absl::Status admitted;
  if (options_.gate != nullptr && !options_.gate->EnterPlain()) {
    admitted = NotServing(options_.module);
  } else {
    scope->gate_ = options_.gate;
    admitted = Admit(method, token, call);
  }
  if (!admitted.ok()) {
    scope->Record(admitted);
    return admitted;
  }
  return scope;
}

grpc::Status CallHandler::Handle(grpc::ServerContextBase* context, MethodInfo method,
                                 absl::FunctionRef<absl::Status(const CallContext&)> body) const {
  absl::StatusOr<std::unique_ptr<CallScope>> scope = BeginCall(context, method);
  if (!scope.ok()) return ToGrpcStatus(scope.status());
  const CallContext& call = (*scope)->context();
  logging::ScopedRequestId request_id(call.request_id);
  absl::Status status;
  try {
    status = body(call);
  } catch (const std::exception& exception) {
    status = UnexpectedException(call, options_.module, method, exception.what());
  } catch (...) {
    status = UnexpectedException(call, options_.module, method, "not a std::exception");
  }
  return (*scope)->Finish(status);
}

}  // namespace tarn::rpc

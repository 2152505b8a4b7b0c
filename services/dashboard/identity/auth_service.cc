#include "services/dashboard/identity/auth_service.h"

#include <string>
#include <vector>

#include "common/names/names.h"
#include "common/page_token/page_token.h"
#include "common/postgres/storage_opener.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/dashboard/identity/identity_manager.h"
#include "services/dashboard/identity/key_proto.h"

namespace tarn::dashboard {
namespace {

using rpc::Access;
using rpc::CallContext;

// Responses that carry a token have the same two fields for it.
template <typename Response>
void SetToken(IssuedToken token, Response* response) {
  response->set_token(std::move(token.token));
  SetTimestamp(token.expire_time, response->mutable_expire_time());
}

}  // namespace

grpc::Status AuthServiceImpl::HandleStored(
    grpc::ServerContext* context, rpc::MethodInfo method,
    absl::FunctionRef<absl::Status(const CallContext&)> body) const {
  return handler_.Handle(context, method, [&](const CallContext& call) -> absl::Status {
    TARN_RETURN_IF_ERROR(storage_.Check());
    return body(call);
  });
}

grpc::Status AuthServiceImpl::ExchangeKey(grpc::ServerContext* context,
                                          const v1::ExchangeKeyRequest* request,
                                          v1::ExchangeKeyResponse* response) {
  return HandleStored(
      context, {"ExchangeKey", Access::kPublic}, [&](const CallContext&) -> absl::Status {
        TARN_ASSIGN_OR_RETURN(IssuedToken token, identity_.ExchangeKey(request->key()));
        SetToken(std::move(token), response);
        return absl::OkStatus();
      });
}

grpc::Status AuthServiceImpl::MintToken(grpc::ServerContext* context,
                                        const v1::MintTokenRequest* request,
                                        v1::MintTokenResponse* response) {
  return HandleStored(
      context, {"MintToken", Access::kService}, [&](const CallContext&) -> absl::Status {
        std::vector<FieldViolation> missing;
        if (request->workspace().empty()) missing.push_back({"workspace", "is required"});
        if (request->user().empty()) missing.push_back({"user", "is required"});
        if (!missing.empty()) return InvalidFields(std::move(missing));
        TARN_ASSIGN_OR_RETURN(IssuedToken token,
                              identity_.MintToken(request->workspace(), request->user()));
        SetToken(std::move(token), response);
        return absl::OkStatus();
      });
}

grpc::Status AuthServiceImpl::GetSigningKeys(grpc::ServerContext* context,
                                             const v1::GetSigningKeysRequest*,
                                             v1::GetSigningKeysResponse* response) {
  // Needs no tables: tokens go on being verified while PostgreSQL is down.
  return handler_.Handle(context, {"GetSigningKeys", Access::kPublic},
                         [&](const CallContext&) -> absl::Status {
                           for (const auth::SigningKey& key : identity_.SigningKeys()) {
                             v1::SigningKey* proto = response->add_keys();
                             proto->set_key_id(key.key_id);
                             proto->set_public_key(key.public_key);
                           }
                           return absl::OkStatus();
                         });
}

grpc::Status AuthServiceImpl::SignIn(grpc::ServerContext* context, const v1::SignInRequest* request,
                                     v1::SignInResponse* response) {
  return HandleStored(context, {"SignIn", Access::kPublic},
                      [&](const CallContext&) -> absl::Status {
                        TARN_ASSIGN_OR_RETURN(SignedIn signed_in, identity_.SignIn(request->key()));
                        response->set_session(std::move(signed_in.session));
                        *response->mutable_caller() = ToProto(signed_in.token.caller);
                        SetToken(std::move(signed_in.token), response);
                        return absl::OkStatus();
                      });
}

grpc::Status AuthServiceImpl::RefreshSession(grpc::ServerContext* context,
                                             const v1::RefreshSessionRequest* request,
                                             v1::RefreshSessionResponse* response) {
  return HandleStored(
      context, {"RefreshSession", Access::kPublic}, [&](const CallContext&) -> absl::Status {
        TARN_ASSIGN_OR_RETURN(IssuedToken token, identity_.RefreshSession(request->session()));
        *response->mutable_caller() = ToProto(token.caller);
        SetToken(std::move(token), response);
        return absl::OkStatus();
      });
}

grpc::Status AuthServiceImpl::SignOut(grpc::ServerContext* context,
                                      const v1::SignOutRequest* request, v1::SignOutResponse*) {
  return HandleStored(
      context, {"SignOut", Access::kPublic},
      [&](const CallContext&) -> absl::Status { return identity_.SignOut(request->session()); });
}

grpc::Status AuthServiceImpl::GetCaller(grpc::ServerContext* context, const v1::GetCallerRequest*,
                                        v1::GetCallerResponse* response) {
  return handler_.Handle(context, {"GetCaller", Access::kRead},
                         [&](const CallContext& call) -> absl::Status {
                           *response = ToProto(call.caller);
                           return absl::OkStatus();
                         });
}

grpc::Status AuthServiceImpl::CreateKey(grpc::ServerContext* context,
                                        const v1::CreateKeyRequest* request,
                                        v1::CreateKeyResponse* response) {
  return HandleStored(
      context, {"CreateKey", Access::kAdmin}, [&](const CallContext& call) -> absl::Status {
        TARN_ASSIGN_OR_RETURN(
            CreatedKey created,
            identity_.CreateKey(call.caller, KeyFromProto(request->key()), request->request_id()));
        *response->mutable_key() = ToProto(created.key);
        response->set_secret(std::move(created.secret));
        return absl::OkStatus();
      });
}

grpc::Status AuthServiceImpl::ListKeys(grpc::ServerContext* context,
                                       const v1::ListKeysRequest* request,
                                       v1::ListKeysResponse* response) {
  return HandleStored(
      context, {"ListKeys", Access::kAdmin}, [&](const CallContext& call) -> absl::Status {
        const std::string query = QueryFingerprint({"ListKeys", call.caller.workspace});
        TARN_ASSIGN_OR_RETURN(std::string after, DecodePageToken(query, request->page_token()));
        TARN_ASSIGN_OR_RETURN(int size, PageSize(request->page_size()));
        TARN_ASSIGN_OR_RETURN(std::vector<Key> keys,
                              identity_.ListKeys(call.caller.workspace, after, size + 1));
        const bool more = keys.size() > static_cast<size_t>(size);
        if (more) keys.resize(static_cast<size_t>(size));
        for (const Key& key : keys) *response->add_keys() = ToProto(key);
        if (more) response->set_next_page_token(EncodePageToken(query, keys.back().id));
        return absl::OkStatus();
      });
}

grpc::Status AuthServiceImpl::RevokeKey(grpc::ServerContext* context,
                                        const v1::RevokeKeyRequest* request, v1::Key* response) {
  return HandleStored(
      context, {"RevokeKey", Access::kAdmin}, [&](const CallContext& call) -> absl::Status {
        TARN_ASSIGN_OR_RETURN(std::vector<std::string> ids,
                              names::Parse("keys/{key}", request->name()));
        TARN_ASSIGN_OR_RETURN(Key key, identity_.RevokeKey(call.caller.workspace, ids[0]));
        *response = ToProto(key);
        return absl::OkStatus();
      });
}

}  // namespace tarn::dashboard

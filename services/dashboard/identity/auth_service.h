// AuthService over gRPC: decodes, calls IdentityManager, encodes.
#pragma once

#include "tarn/dashboard/v1/auth_service.grpc.pb.h"

#include "common/rpc/call_handler.h"

namespace tarn {
class StorageOpener;
}

namespace tarn::dashboard {

class IdentityManager;

// Thread safe. All that is referred to must outlive it.
class AuthServiceImpl final : public v1::AuthService::Service {
 public:
  AuthServiceImpl(IdentityManager& identity, const StorageOpener& storage,
                  rpc::CallHandlerOptions handler)
      : identity_(identity), storage_(storage), handler_(std::move(handler)) {}

  grpc::Status ExchangeKey(grpc::ServerContext* context, const v1::ExchangeKeyRequest* request,
                           v1::ExchangeKeyResponse* response) override;
  grpc::Status MintToken(grpc::ServerContext* context, const v1::MintTokenRequest* request,
                         v1::MintTokenResponse* response) override;
  grpc::Status GetSigningKeys(grpc::ServerContext* context,
                              const v1::GetSigningKeysRequest* request,
                              v1::GetSigningKeysResponse* response) override;
  grpc::Status SignIn(grpc::ServerContext* context, const v1::SignInRequest* request,
                      v1::SignInResponse* response) override;
  grpc::Status RefreshSession(grpc::ServerContext* context,
                              const v1::RefreshSessionRequest* request,
                              v1::RefreshSessionResponse* response) override;
  grpc::Status SignOut(grpc::ServerContext* context, const v1::SignOutRequest* request,
                       v1::SignOutResponse* response) override;
  grpc::Status GetCaller(grpc::ServerContext* context, const v1::GetCallerRequest* request,
                         v1::GetCallerResponse* response) override;
  grpc::Status CreateKey(grpc::ServerContext* context, const v1::CreateKeyRequest* request,
                         v1::CreateKeyResponse* response) override;
  grpc::Status ListKeys(grpc::ServerContext* context, const v1::ListKeysRequest* request,
                        v1::ListKeysResponse* response) override;
  grpc::Status RevokeKey(grpc::ServerContext* context, const v1::RevokeKeyRequest* request,
                         v1::Key* response) override;

 private:
  // For methods that need the tables.
  grpc::Status HandleStored(grpc::ServerContext* context, rpc::MethodInfo method,
                            absl::FunctionRef<absl::Status(const rpc::CallContext&)> body) const;

  IdentityManager& identity_;
  const StorageOpener& storage_;
  const rpc::CallHandler handler_;
};

}  // namespace tarn::dashboard

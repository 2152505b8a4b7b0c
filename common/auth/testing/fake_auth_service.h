// Dashboard as those meet it who exchange keys and ask for tokens.
#pragma once

#include <atomic>
#include <string>

#include <grpcpp/server_context.h>

#include "tarn/dashboard/v1/auth_service.grpc.pb.h"

#include "common/clock/clock.h"
#include "common/rpc/status_conversion.h"
#include "common/status/error.h"

namespace tarn::auth {

// Accepts one key, "right-key", and mints for everybody but "gone".
class FakeAuthService : public dashboard::v1::AuthService::Service {
 public:
  explicit FakeAuthService(const Clock& clock) : clock_(clock) {}

  grpc::Status ExchangeKey(grpc::ServerContext*, const dashboard::v1::ExchangeKeyRequest* request,
                           dashboard::v1::ExchangeKeyResponse* response) override {
    int number = ++exchanges;
    if (request->key() != "right-key") {
      return rpc::ToGrpcStatus(Unauthenticated("KEY_INVALID", "the key is not known"));
    }
    response->set_token("service-" + std::to_string(number));
    SetExpiry(*response);
    return grpc::Status::OK;
  }

  grpc::Status MintToken(grpc::ServerContext* context,
                         const dashboard::v1::MintTokenRequest* request,
                         dashboard::v1::MintTokenResponse* response) override {
    int number = ++mints;
    if (down) return grpc::Status(grpc::StatusCode::UNAVAILABLE, "down");
    auto bearer = context->client_metadata().find("authorization");
    if (bearer == context->client_metadata().end() || bearer->second == refused_bearer) {
      return rpc::ToGrpcStatus(Unauthenticated("TOKEN_SIGNATURE_INVALID", "refused"));
    }
    if (request->user() == "gone") {
      return rpc::ToGrpcStatus(NotFound("USER_NOT_FOUND", "no such user"));
    }
    response->set_token(request->workspace() + "/" + request->user() + "-" +
                        std::to_string(number));
    SetExpiry(*response);
    return grpc::Status::OK;
  }

  grpc::Status GetSigningKeys(grpc::ServerContext*, const dashboard::v1::GetSigningKeysRequest*,
                              dashboard::v1::GetSigningKeysResponse* response) override {
    auto* key = response->add_keys();
    key->set_key_id("k1");
    key->set_public_key("bytes");
    return grpc::Status::OK;
  }

  std::atomic<int> exchanges = 0;
  std::atomic<int> mints = 0;
  std::atomic<bool> down = false;
  std::string refused_bearer;

 private:
  template <typename Response>
  void SetExpiry(Response& response) {
    response.mutable_expire_time()->set_seconds(
        absl::ToUnixSeconds(clock_.Now() + absl::Minutes(5)));
  }

  const Clock& clock_;
};

}  // namespace tarn::auth

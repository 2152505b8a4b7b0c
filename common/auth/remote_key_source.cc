#include "common/auth/remote_key_source.h"

#include "tarn/dashboard/v1/auth_service.grpc.pb.h"

#include "common/rpc/client.h"
#include "common/status/status_macros.h"

namespace tarn::auth {

namespace pb = tarn::dashboard::v1;

absl::StatusOr<std::vector<SigningKey>> RemoteKeySource::FetchKeys() {
  pb::AuthService::Stub stub(dashboard_());
  TARN_ASSIGN_OR_RETURN(pb::GetSigningKeysResponse response,
                        rpc::Call(stub, &pb::AuthService::Stub::GetSigningKeys,
                                  pb::GetSigningKeysRequest(), {}, {.timeout = timeout_}));
  std::vector<SigningKey> keys;
  for (const pb::SigningKey& key : response.keys()) {
    keys.push_back({key.key_id(), key.public_key()});
  }
  return keys;
}

}  // namespace tarn::auth

#include "common/auth/remote_token_provider.h"

#include "tarn/dashboard/v1/auth_service.grpc.pb.h"

#include "common/clock/clock.h"
#include "common/rpc/client.h"
#include "common/secret_file/secret_file.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"

namespace tarn::auth {
namespace {

namespace pb = tarn::dashboard::v1;

// Past this many cached users, those whose tokens have ended are forgotten.
constexpr size_t kPruneAbove = 1000;

absl::StatusOr<std::string> ReadServiceKey(const std::string& path) {
  if (path.empty()) {
    return FailedPrecondition("SERVICE_KEY_UNREADABLE",
                              "this process has no service key; set the option service_key_file");
  }
  absl::StatusOr<std::string> key = ReadSecretFile(path);
  if (absl::IsNotFound(key.status())) {
    return Unavailable("SERVICE_KEY_MISSING",
                       "the service key file " + path +
                           " does not exist; dashboard writes it at its first start: check that "
                           "dashboard runs, and that both name the same service_key_file",
                       {{"path", path}});
  }
  if (key.ok() && key->empty()) {
    return Unavailable("SERVICE_KEY_MISSING", "the service key file " + path + " is empty",
                       {{"path", path}});
  }
  return key;
}

template <typename Response>
MintedToken ToMinted(Response& response) {
  return {std::move(*response.mutable_token()),
          absl::FromUnixSeconds(response.expire_time().seconds()) +
              absl::Nanoseconds(response.expire_time().nanos())};
}

}  // namespace

RemoteTokenProvider::RemoteTokenProvider(ChannelSource dashboard, std::string key_file,
                                         const Clock& clock, absl::Duration timeout)
    : dashboard_(std::move(dashboard)),
      key_file_(std::move(key_file)),
      clock_(clock),
      timeout_(timeout) {}

absl::StatusOr<std::string> RemoteTokenProvider::FromCache(Entry& entry, const Fetch& fetch) {
  std::lock_guard lock(entry.mutex);
  if (entry.minted.token.empty() || clock_.Now() >= entry.minted.expire_time - kRenewBefore) {
    TARN_ASSIGN_OR_RETURN(entry.minted, fetch());
  }
  return entry.minted.token;
}

absl::StatusOr<std::string> RemoteTokenProvider::ServiceToken() {
  return FromCache(service_, [this] { return ExchangeServiceKey(); });
}

absl::StatusOr<std::string> RemoteTokenProvider::TokenFor(std::string_view workspace,
                                                          std::string_view user) {
  UserKey key{std::string(workspace), std::string(user)};
  std::shared_ptr<Entry> entry = UserEntry(key);
  return FromCache(*entry, [this, &key] { return MintFor(key); });
}

absl::StatusOr<MintedToken> RemoteTokenProvider::ExchangeServiceKey() {
  pb::ExchangeKeyRequest request;
  TARN_ASSIGN_OR_RETURN(*request.mutable_key(), ReadServiceKey(key_file_));
  pb::AuthService::Stub stub(dashboard_());
  absl::StatusOr<pb::ExchangeKeyResponse> response =
      rpc::Call(stub, &pb::AuthService::Stub::ExchangeKey, request, {}, {.timeout = timeout_});
  if (!response.ok()) {
    return Annotate(response.status(), "exchanging the service key in " + key_file_);
  }
  return ToMinted(*response);
}

absl::StatusOr<MintedToken> RemoteTokenProvider::CallMintToken(const UserKey& user) {
  TARN_ASSIGN_OR_RETURN(std::string service_token, ServiceToken());
  pb::MintTokenRequest request;
  request.set_workspace(user.first);
  request.set_user(user.second);
  pb::AuthService::Stub stub(dashboard_());
  absl::StatusOr<pb::MintTokenResponse> response =
      rpc::Call(stub, &pb::AuthService::Stub::MintToken, request, {.token = service_token},
                {.timeout = timeout_});
  if (!response.ok()) {
    if (response.status().code() == absl::StatusCode::kUnauthenticated) {
      DropServiceToken(service_token);
    }
    return Annotate(response.status(), "asking for a token of user " + user.second);
  }
  return ToMinted(*response);
}

absl::StatusOr<MintedToken> RemoteTokenProvider::MintFor(const UserKey& user) {
  absl::StatusOr<MintedToken> minted = CallMintToken(user);
  if (minted.status().code() != absl::StatusCode::kUnauthenticated) return minted;
  // Dashboard may have changed its signing key since our own token was made: once more with a
  // fresh one.
  return CallMintToken(user);
}

void RemoteTokenProvider::DropServiceToken(std::string_view refused) {
  std::lock_guard lock(service_.mutex);
  if (service_.minted.token == refused) service_.minted = {};
}

std::shared_ptr<RemoteTokenProvider::Entry> RemoteTokenProvider::UserEntry(const UserKey& user) {
  std::lock_guard lock(users_mutex_);
  if (users_.size() > kPruneAbove) {
    absl::Time now = clock_.Now();
    std::erase_if(users_, [now](const auto& item) {
      // An entry that somebody holds is in use; one that is ours alone can be read without its
      // lock.
      return item.second.use_count() == 1 && item.second->minted.expire_time <= now;
    });
  }
  std::shared_ptr<Entry>& entry = users_[user];
  if (entry == nullptr) entry = std::make_shared<Entry>();
  return entry;
}

}  // namespace tarn::auth

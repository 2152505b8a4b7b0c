// Tokens from dashboard: the service's own for its key, and users' for work on their behalf.
// Target tarn_common_auth_remote.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "common/auth/remote_key_source.h"
#include "common/auth/token_provider.h"
#include "common/auth/token_signer.h"

namespace tarn {
class Clock;
}

namespace tarn::auth {

// Thread safe. Each token is cached until a minute before it expires; threads that want the same
// one wait for a single call. Retries nothing that is unavailable. The key file is read anew for
// every exchange (once in some minutes), so that a key that was replaced, or that dashboard has
// yet to write, is picked up without a restart.
class RemoteTokenProvider : public TokenProvider {
 public:
  static constexpr absl::Duration kRenewBefore = absl::Seconds(60);

  // `clock` must outlive the provider. `key_file` holds the service key and nothing else.
  RemoteTokenProvider(ChannelSource dashboard, std::string key_file, const Clock& clock,
                      absl::Duration timeout = absl::Seconds(10));

  // UNAVAILABLE with reason SERVICE_KEY_MISSING while the key file does not exist;
  // those of ReadSecretFile (common/secret_file) when it cannot be read; else as the interface
  // says.
  absl::StatusOr<std::string> ServiceToken() override;
  absl::StatusOr<std::string> TokenFor(std::string_view workspace, std::string_view user) override;

 private:
  struct Entry {
    std::mutex mutex;
    MintedToken minted;
  };
  using UserKey = std::pair<std::string, std::string>;
  using Fetch = std::function<absl::StatusOr<MintedToken>()>;

  absl::StatusOr<std::string> FromCache(Entry& entry, const Fetch& fetch);
  absl::StatusOr<MintedToken> ExchangeServiceKey();
  absl::StatusOr<MintedToken> MintFor(const UserKey& user);
  absl::StatusOr<MintedToken> CallMintToken(const UserKey& user);
  // Forgets the service's token if it is still `refused`.
  void DropServiceToken(std::string_view refused);
  std::shared_ptr<Entry> UserEntry(const UserKey& user);

  const ChannelSource dashboard_;
  const std::string key_file_;
  const Clock& clock_;
  const absl::Duration timeout_;

  // Lock order: a user's entry, then service_; users_mutex_ is held alone.
  Entry service_;
  std::mutex users_mutex_;
  std::map<UserKey, std::shared_ptr<Entry>> users_;
};

}  // namespace tarn::auth

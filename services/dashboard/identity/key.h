// A key and a session as dashboard keeps them. Plain values, without secrets: of those only the
// hash is ever stored.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include <absl/time/time.h>

namespace tarn::dashboard {

struct Key {
  // The public part of the secret, by which the key is found; `keys/{id}` is its name.
  std::string id;
  std::string workspace;
  std::string display_name;
  std::string user;
  std::vector<std::string> groups;
  std::vector<std::string> roles;
  std::map<std::string, std::string> attributes;
  absl::Time create_time;
  std::optional<absl::Time> expire_time;
  std::optional<absl::Time> revoke_time;
  std::optional<absl::Time> last_use_time;

  bool IsExpired(absl::Time now) const { return expire_time.has_value() && *expire_time <= now; }
  bool IsLive(absl::Time now) const { return !revoke_time.has_value() && !IsExpired(now); }
};

// A key with the 32 bytes of its secret's SHA-256.
struct StoredKey {
  Key key;
  std::string secret_hash;
};

// A person who is signed in at the page.
struct Session {
  std::string secret_hash;
  std::string key_id;
  absl::Time create_time;
  absl::Time expire_time;
};

}  // namespace tarn::dashboard

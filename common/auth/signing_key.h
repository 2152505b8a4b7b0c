// The published half of the keys that sign tokens, and where a verifier gets them from.
#pragma once

#include <string>
#include <vector>

#include <absl/status/statusor.h>

namespace tarn::auth {

struct SigningKey {
  std::string key_id;
  // 32 raw bytes of Ed25519.
  std::string public_key;
};

// Where the key set comes from: dashboard over the network, dashboard's own store, or a test.
class SigningKeySource {
 public:
  virtual ~SigningKeySource() = default;
  // The whole set of keys that are valid now. May block for seconds; errors go up as they are.
  // Called from any thread, by one at a time.
  virtual absl::StatusOr<std::vector<SigningKey>> FetchKeys() = 0;
};

// A set that never changes.
class FixedKeySource : public SigningKeySource {
 public:
  explicit FixedKeySource(std::vector<SigningKey> keys) : keys_(std::move(keys)) {}
  absl::StatusOr<std::vector<SigningKey>> FetchKeys() override { return keys_; }

 private:
  const std::vector<SigningKey> keys_;
};

}  // namespace tarn::auth

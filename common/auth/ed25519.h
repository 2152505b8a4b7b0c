// Ed25519 keys and signatures, by OpenSSL. Keys are values that share an immutable OpenSSL key;
// every function may be called from any thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <absl/status/statusor.h>

struct evp_pkey_st;

namespace tarn::auth {

inline constexpr int kEd25519PublicKeyBytes = 32;
inline constexpr int kEd25519SignatureBytes = 64;

// A public key that verifies signatures.
class PublicKey {
 public:
  // From the 32 raw bytes. INVALID_ARGUMENT with reason KEY_INVALID for anything else.
  static absl::StatusOr<PublicKey> FromRaw(std::string_view raw);

  // Whether `signature` is this key's signature of `data`.
  bool Verifies(std::string_view data, std::string_view signature) const;

 private:
  explicit PublicKey(std::shared_ptr<evp_pkey_st> key) : key_(std::move(key)) {}
  std::shared_ptr<evp_pkey_st> key_;
};

// A private key that signs.
class PrivateKey {
 public:
  // A new key from the operating system's randomness.
  static absl::StatusOr<PrivateKey> Generate();
  // From an unencrypted PKCS#8 PEM document. INVALID_ARGUMENT with reason KEY_INVALID when it is
  // not one, or is a key of another kind.
  static absl::StatusOr<PrivateKey> FromPem(std::string_view pem);

  // PKCS#8 PEM, unencrypted: write it only to a file that its owner alone can read.
  absl::StatusOr<std::string> ToPem() const;
  // The 64 bytes of the signature of `data`.
  absl::StatusOr<std::string> Sign(std::string_view data) const;
  // The 32 raw bytes of the public half.
  const std::string& public_key() const { return public_key_; }

 private:
  PrivateKey(std::shared_ptr<evp_pkey_st> key, std::string public_key)
      : key_(std::move(key)), public_key_(std::move(public_key)) {}
  static absl::StatusOr<PrivateKey> FromKey(std::shared_ptr<evp_pkey_st> key);

  std::shared_ptr<evp_pkey_st> key_;
  std::string public_key_;
};

// The id under which a public key is published: the first 16 characters of the base64url SHA-256
// of its raw bytes.
std::string KeyIdOf(std::string_view raw_public_key);

}  // namespace tarn::auth

#include "services/dashboard/identity/key_secret.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include "common/ids/ids.h"

namespace tarn::dashboard {
namespace {

constexpr std::string_view kPrefix = "tarn_";
constexpr size_t kIdLength = 12;
constexpr size_t kSecretLength = 43;

bool IsHex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }

bool IsBase64Url(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
         c == '_';
}

std::string NewKeyId() {
  constexpr char kDigits[] = "0123456789abcdef";
  std::array<std::uint8_t, kIdLength / 2> bytes;
  FillRandom(bytes);
  std::string id;
  for (std::uint8_t byte : bytes) {
    id += kDigits[byte >> 4];
    id += kDigits[byte & 15];
  }
  return id;
}

}  // namespace

KeySecret NewKeySecret() {
  KeySecret secret;
  secret.key_id = NewKeyId();
  secret.text = std::string(kPrefix) + secret.key_id + "_" + NewSecret(32);
  return secret;
}

std::optional<KeySecret> ParseKeySecret(std::string_view text) {
  if (text.size() != kPrefix.size() + kIdLength + 1 + kSecretLength) return std::nullopt;
  if (!text.starts_with(kPrefix)) return std::nullopt;
  std::string_view id = text.substr(kPrefix.size(), kIdLength);
  std::string_view secret = text.substr(text.size() - kSecretLength);
  if (text[kPrefix.size() + kIdLength] != '_' || !std::all_of(id.begin(), id.end(), IsHex) ||
      !std::all_of(secret.begin(), secret.end(), IsBase64Url)) {
    return std::nullopt;
  }
  return KeySecret{std::string(id), std::string(text)};
}

std::string HashSecret(std::string_view secret) {
  std::string hash(SHA256_DIGEST_LENGTH, '\0');
  SHA256(reinterpret_cast<const unsigned char*>(secret.data()), secret.size(),
         reinterpret_cast<unsigned char*>(hash.data()));
  return hash;
}

bool SameHash(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace tarn::dashboard

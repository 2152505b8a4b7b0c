#include "common/auth/ed25519.h"

#include <absl/strings/escaping.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/sha.h>

#include "common/status/error.h"

namespace tarn::auth {
namespace {

using Key = std::shared_ptr<EVP_PKEY>;
using Bio = std::unique_ptr<BIO, decltype(&BIO_free)>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)>;

Key Own(EVP_PKEY* key) { return Key(key, &EVP_PKEY_free); }

const unsigned char* Bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

absl::Status OpenSslFailed(std::string_view what) {
  return Internal("OPENSSL_FAILED", "OpenSSL could not " + std::string(what));
}

}  // namespace

absl::StatusOr<PublicKey> PublicKey::FromRaw(std::string_view raw) {
  Key key;
  if (raw.size() == kEd25519PublicKeyBytes) {
    key = Own(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, Bytes(raw), raw.size()));
  }
  if (key == nullptr) {
    return InvalidArgument("KEY_INVALID", "a public key must be the 32 raw bytes of Ed25519");
  }
  return PublicKey(std::move(key));
}

bool PublicKey::Verifies(std::string_view data, std::string_view signature) const {
  if (signature.size() != kEd25519SignatureBytes) return false;
  DigestContext context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  return context != nullptr &&
         EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key_.get()) == 1 &&
         EVP_DigestVerify(context.get(), Bytes(signature), signature.size(), Bytes(data),
                          data.size()) == 1;
}

absl::StatusOr<PrivateKey> PrivateKey::FromKey(std::shared_ptr<evp_pkey_st> key) {
  std::string raw(kEd25519PublicKeyBytes, '\0');
  size_t length = raw.size();
  if (EVP_PKEY_get_raw_public_key(key.get(), reinterpret_cast<unsigned char*>(raw.data()),
                                  &length) != 1 ||
      length != raw.size()) {
    return OpenSslFailed("derive a public key");
  }
  return PrivateKey(std::move(key), std::move(raw));
}

absl::StatusOr<PrivateKey> PrivateKey::Generate() {
  EVP_PKEY* key = EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
  if (key == nullptr) return OpenSslFailed("generate an Ed25519 key");
  return FromKey(Own(key));
}

absl::StatusOr<PrivateKey> PrivateKey::FromPem(std::string_view pem) {
  Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), &BIO_free);
  Key key;
  if (bio != nullptr) {
    // The callback answers "no password": without it OpenSSL would ask on the terminal.
    auto no_password = [](char*, int, int, void*) { return -1; };
    key = Own(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_password, nullptr));
  }
  if (key == nullptr || EVP_PKEY_get_id(key.get()) != EVP_PKEY_ED25519) {
    return InvalidArgument("KEY_INVALID",
                           "this is no unencrypted Ed25519 private key in PEM; make one with "
                           "'openssl genpkey -algorithm ed25519'");
  }
  return FromKey(std::move(key));
}

absl::StatusOr<std::string> PrivateKey::ToPem() const {
  Bio bio(BIO_new(BIO_s_mem()), &BIO_free);
  if (bio == nullptr || PEM_write_bio_PKCS8PrivateKey(bio.get(), key_.get(), nullptr, nullptr, 0,
                                                      nullptr, nullptr) != 1) {
    return OpenSslFailed("write a private key");
  }
  char* data = nullptr;
  long length = BIO_get_mem_data(bio.get(), &data);
  return std::string(data, static_cast<size_t>(length));
}

absl::StatusOr<std::string> PrivateKey::Sign(std::string_view data) const {
  std::string signature(kEd25519SignatureBytes, '\0');
  size_t length = signature.size();
  DigestContext context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  if (context == nullptr ||
      EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key_.get()) != 1 ||
      EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &length,
                     Bytes(data), data.size()) != 1 ||
      length != signature.size()) {
    return OpenSslFailed("sign a token");
  }
  return signature;
}

std::string KeyIdOf(std::string_view raw_public_key) {
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(Bytes(raw_public_key), raw_public_key.size(), digest);
  std::string encoded = absl::WebSafeBase64Escape(
      absl::string_view(reinterpret_cast<const char*>(digest), sizeof(digest)));
  return encoded.substr(0, 16);
}

}  // namespace tarn::auth

#include "common/digest/sha256.h"

#include <array>
#include <fstream>
#include <vector>

#include <absl/strings/escaping.h>
#include <openssl/evp.h>

namespace tarn {

Sha256::Sha256() : context_(EVP_MD_CTX_new()) {
  EVP_DigestInit_ex(context_, EVP_sha256(), nullptr);
}

Sha256::~Sha256() { EVP_MD_CTX_free(context_); }

void Sha256::Update(std::string_view bytes) {
  EVP_DigestUpdate(context_, bytes.data(), bytes.size());
}

std::string Sha256::Hex() {
  std::array<char, EVP_MAX_MD_SIZE> raw;
  unsigned int size = 0;
  EVP_DigestFinal_ex(context_, reinterpret_cast<unsigned char*>(raw.data()), &size);
  return absl::BytesToHexString(absl::string_view(raw.data(), size));
}

std::string Sha256OfFile(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return "";
  Sha256 digest;
  std::vector<char> buffer(1 << 20);
  while (in.read(buffer.data(), static_cast<std::streamsize>(buffer.size())) || in.gcount() > 0) {
    digest.Update({buffer.data(), static_cast<size_t>(in.gcount())});
  }
  return in.bad() ? "" : digest.Hex();
}

}  // namespace tarn

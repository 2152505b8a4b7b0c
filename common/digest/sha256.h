// SHA-256 of bytes as they come. One thread.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

typedef struct evp_md_ctx_st EVP_MD_CTX;

namespace tarn {

class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;

  void Update(std::string_view bytes);
  // In lower-case hexadecimal. Once, at the end.
  std::string Hex();

 private:
  EVP_MD_CTX* const context_;
};

// Of a whole file; "" when it cannot be read.
std::string Sha256OfFile(const std::filesystem::path& path);

}  // namespace tarn

// SHA-256 of bytes that come in pieces. One thread an object.
#pragma once

#include <string>
#include <string_view>

struct evp_md_ctx_st;

namespace tarn::cli {

class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;

  void Update(std::string_view bytes);
  // In lower-case hexadecimal. Ends the object's use.
  std::string Finish();

 private:
  evp_md_ctx_st* const context_;
};

}  // namespace tarn::cli

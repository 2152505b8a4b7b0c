#include "services/ingestion/wal/log_id.h"

#include <array>

#include <openssl/sha.h>

namespace tarn::ingestion {

std::string LogIdOf(std::string_view wal_uuid, std::string_view stream_uid) {
  std::string text = "tarn.ingestion.log:";
  text.append(wal_uuid).append(":").append(stream_uid);
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest;
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
  digest[6] =
      static_cast<unsigned char>((digest[6] & 0x0f) | 0x80);  // version 8: of our own making
  digest[8] = static_cast<unsigned char>((digest[8] & 0x3f) | 0x80);
  static constexpr char kHex[] = "0123456789abcdef";
  std::string uuid;
  for (int i = 0; i < 16; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) uuid.push_back('-');
    uuid.push_back(kHex[digest[i] >> 4]);
    uuid.push_back(kHex[digest[i] & 15]);
  }
  return uuid;
}

}  // namespace tarn::ingestion

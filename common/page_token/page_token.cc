#include "common/page_token/page_token.h"

#include <algorithm>

#include <absl/strings/escaping.h>
#include <absl/strings/str_cat.h>
#include <openssl/sha.h>

#include "common/status/error.h"

namespace tarn {
namespace {

// A token is base64url of: version (1 byte), digest (8 bytes), cursor.
constexpr char kVersion = 1;
constexpr std::size_t kDigestSize = 8;
constexpr std::size_t kHeaderSize = 1 + kDigestSize;

// Ties the cursor to its query, and finds damage.
std::string Digest(std::string_view query_fingerprint, std::string_view cursor) {
  const std::string text = QueryFingerprint({query_fingerprint, cursor});
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest);
  return std::string(reinterpret_cast<const char*>(digest), kDigestSize);
}

}  // namespace

std::string QueryFingerprint(std::initializer_list<std::string_view> parameters) {
  std::string fingerprint;  // lengths keep {"ab", ""} apart from {"a", "b"}
  for (std::string_view parameter : parameters) {
    fingerprint += std::to_string(parameter.size());
    fingerprint += ':';
    fingerprint += parameter;
  }
  return fingerprint;
}

std::string EncodePageToken(std::string_view query_fingerprint, std::string_view cursor) {
  std::string bytes(1, kVersion);
  bytes += Digest(query_fingerprint, cursor);
  bytes += cursor;
  return absl::WebSafeBase64Escape(bytes);
}

absl::StatusOr<std::string> DecodePageToken(std::string_view query_fingerprint,
                                            std::string_view token) {
  if (token.empty()) return std::string();
  std::string bytes;
  if (absl::WebSafeBase64Unescape(absl::string_view(token.data(), token.size()), &bytes) &&
      bytes.size() > kHeaderSize && bytes[0] == kVersion) {
    std::string cursor = bytes.substr(kHeaderSize);
    if (bytes.substr(1, kDigestSize) == Digest(query_fingerprint, cursor)) return cursor;
  }
  return InvalidArgument("INVALID_PAGE_TOKEN",
                         "page_token is not one that this list gave for the same parameters; "
                         "begin again without it");
}

absl::StatusOr<int> PageSize(int requested, int default_size, int max_size) {
  if (requested < 0) return InvalidFields({{"page_size", "must not be negative"}});
  return requested == 0 ? default_size : std::min(requested, max_size);
}

}  // namespace tarn

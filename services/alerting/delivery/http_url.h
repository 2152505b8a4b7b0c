// Addresses of webhooks. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

#include <absl/status/statusor.h>

namespace tarn::alerting {

struct HttpUrl {
  std::string scheme;  // "http" or "https"
  std::string host;    // lower case, without port
  std::string origin;  // "https://hooks.example.com:8443"
};

// INVALID_ARGUMENT, INVALID_URL for anything but an absolute http or https address without user and
// password. The message never repeats the address, which may be a secret.
absl::StatusOr<HttpUrl> ParseHttpUrl(std::string_view url);

}  // namespace tarn::alerting

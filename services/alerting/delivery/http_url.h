// Addresses of webhooks. Pure; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

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

// Whether `host` may be posted to: `allowed` is empty, has it, or has a suffix of it
// (".example.com").
bool IsAllowedHost(std::string_view host, const std::vector<std::string>& allowed);

}  // namespace tarn::alerting

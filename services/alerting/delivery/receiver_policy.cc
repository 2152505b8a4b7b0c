#include "services/alerting/delivery/receiver_policy.h"

#include <algorithm>

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

#include "common/status/error.h"

namespace tarn::alerting {
namespace {

bool IsHostName(const std::string& name) {
  return !name.empty() && name.size() <= 253 && name != "." &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '-' ||
                  c == '_';
         });
}

// Names that lead to this machine without any lookup.
bool IsLocalName(std::string_view host) {
  return host == "localhost" || host.ends_with(".localhost");
}

std::string_view WithoutBrackets(std::string_view host) {
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    return host.substr(1, host.size() - 2);
  }
  return host;
}

}  // namespace

absl::StatusOr<ReceiverPolicy> ReceiverPolicy::Parse(const std::vector<std::string>& entries) {
  ReceiverPolicy policy;
  for (const std::string& entry : entries) {
    const std::string lower = absl::AsciiStrToLower(entry);
    if (std::optional<IpRange> range = IpRange::Parse(WithoutBrackets(lower))) {
      policy.ranges_.push_back(*range);
    } else if (IsHostName(lower)) {
      policy.names_.push_back(lower);
    } else {
      return InvalidArgument(
          "INVALID_OPTION",
          absl::StrCat("alerting.allowed_hosts: \"", entry,
                       "\" is no host (example.com), suffix (.example.com), address (10.1.2.3) or "
                       "range (10.0.0.0/8)"));
    }
  }
  return policy;
}

bool ReceiverPolicy::IsNamed(std::string_view host) const {
  return std::any_of(names_.begin(), names_.end(), [&](const std::string& name) {
    return host == name || (name[0] == '.' && host.size() > name.size() && host.ends_with(name));
  });
}

absl::Status ReceiverPolicy::CheckHost(std::string_view host) const {
  if (IsNamed(host)) return absl::OkStatus();
  const std::optional<IpAddress> address = IpAddress::Parse(WithoutBrackets(host));
  if (address.has_value() ? MayConnect(host, *address)
                          : (empty() ? !IsLocalName(host) : !ranges_.empty())) {
    return absl::OkStatus();
  }
  const std::string where =
      empty() ? " is on this server or in a private network; an operator can allow it by name or "
                "address in alerting.allowed_hosts"
              : " is not among those of alerting.allowed_hosts";
  return FailedPrecondition("HOST_NOT_ALLOWED", absl::StrCat("host ", std::string(host), where));
}

bool ReceiverPolicy::MayConnect(std::string_view host, const IpAddress& address) const {
  if (empty()) return address.IsPublic();
  return IsNamed(host) || std::any_of(ranges_.begin(), ranges_.end(), [&](const IpRange& range) {
           return range.Contains(address);
         });
}

}  // namespace tarn::alerting

// Which receivers channels may post to: hosts by name, and addresses.
//
// Whoever may write channels chooses where the server posts to, so its own machine and network are
// out of bounds unless the operator allows them (option alerting.allowed_hosts). A name says
// nothing about where it leads, and may lead elsewhere a moment later: addresses are checked where
// the connection is made. A plain value; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "services/alerting/delivery/ip_address.h"

namespace tarn::alerting {

class ReceiverPolicy {
 public:
  // Public addresses alone, whatever their names.
  ReceiverPolicy() = default;

  // Of entries such as "hooks.example.com", ".example.com" (every name below it), "10.1.2.3",
  // "10.0.0.0/8" and "fd00::/8". With any entry, only what one of them names may be posted to; a
  // host that is allowed by its name may have any address. INVALID_ARGUMENT, INVALID_OPTION for
  // what is neither a name nor an address.
  static absl::StatusOr<ReceiverPolicy> Parse(const std::vector<std::string>& entries);

  // What is known from the address of a channel alone; a name whose address decides passes. `host`
  // is in lower case, IPv6 in brackets. FAILED_PRECONDITION, HOST_NOT_ALLOWED.
  absl::Status CheckHost(std::string_view host) const;

  // Whether a connection to `address` may be made for a channel to `host`.
  bool MayConnect(std::string_view host, const IpAddress& address) const;

 private:
  bool IsNamed(std::string_view host) const;
  bool empty() const { return names_.empty() && ranges_.empty(); }

  std::vector<std::string> names_;  // lower case
  std::vector<IpRange> ranges_;
};

}  // namespace tarn::alerting

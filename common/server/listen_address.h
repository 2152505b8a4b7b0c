// Addresses to listen on, checked so that a user reads which option is wrong, and why.
#pragma once

#include <string>
#include <string_view>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

namespace tarn::server {

// "host:port" taken apart. Hosts are names, IPv4, or IPv6 in brackets ("[::1]:7101").
struct ListenAddress {
  std::string host;
  int port = 0;

  // Whether nobody but this machine can reach it.
  bool IsLoopback() const;
};

// `option` is the name that the messages show ("catalog.listen"). INVALID_ARGUMENT with reason
// LISTEN_ADDRESS_INVALID.
absl::StatusOr<ListenAddress> ParseListenAddress(std::string_view address, std::string_view option);

// FAILED_PRECONDITION with reason INSECURE_LISTENER when others could reach `address` and neither
// TLS is on nor `allow_insecure` given.
absl::Status CheckListenerSecurity(const ListenAddress& address, std::string_view option, bool tls,
                                   bool allow_insecure);

// Whether the address can be bound now: FAILED_PRECONDITION with reason PORT_IN_USE,
// ADDRESS_NOT_HERE or LISTEN_REFUSED. A moment later it may be otherwise.
absl::Status CheckCanBind(const ListenAddress& address, std::string_view option);

}  // namespace tarn::server

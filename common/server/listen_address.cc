#include "common/server/listen_address.h"

#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>
#include <netdb.h>
#include <unistd.h>

#include <absl/cleanup/cleanup.h>
#include <sys/socket.h>

#include "common/status/error.h"

namespace tarn::server {
namespace {

absl::Status Invalid(std::string_view address, std::string_view option) {
  return InvalidArgument("LISTEN_ADDRESS_INVALID",
                         std::string(option) + ": '" + std::string(address) +
                             "' is no address to listen on; write host:port, such as "
                             "127.0.0.1:7100 or [::1]:7100 (port 0 takes a free one)");
}

std::string Text(const ListenAddress& address) {
  bool ipv6 = address.host.find(':') != std::string::npos;
  return (ipv6 ? "[" + address.host + "]" : address.host) + ":" + std::to_string(address.port);
}

}  // namespace

bool ListenAddress::IsLoopback() const {
  return host == "localhost" || host == "::1" || host.starts_with("127.");
}

absl::StatusOr<ListenAddress> ParseListenAddress(std::string_view address,
                                                 std::string_view option) {
  size_t colon = address.rfind(':');
  if (colon == std::string_view::npos) return Invalid(address, option);
  std::string_view host = address.substr(0, colon);
  std::string_view port = address.substr(colon + 1);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return Invalid(address, option);
  }
  ListenAddress parsed;
  parsed.host = std::string(host);
  auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), parsed.port);
  if (host.empty() || port.empty() || error != std::errc() || end != port.data() + port.size() ||
      parsed.port < 0 || parsed.port > 65535) {
    return Invalid(address, option);
  }
  return parsed;
}

absl::Status CheckListenerSecurity(const ListenAddress& address, std::string_view option, bool tls,
                                   bool allow_insecure) {
  if (tls || allow_insecure || address.IsLoopback()) return absl::OkStatus();
  return FailedPrecondition(
      "INSECURE_LISTENER",
      std::string(option) + ": other machines could reach " + Text(address) +
          " without encryption; set common.tls_cert_file and common.tls_key_file, listen on "
          "127.0.0.1, or give --allow-insecure-listen if the network protects it");
}

absl::Status CheckCanBind(const ListenAddress& address, std::string_view option) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* found = nullptr;
  int resolved =
      getaddrinfo(address.host.c_str(), std::to_string(address.port).c_str(), &hints, &found);
  if (resolved != 0) {
    return FailedPrecondition("ADDRESS_NOT_HERE",
                              std::string(option) + ": the host of " + Text(address) +
                                  " cannot be resolved: " + gai_strerror(resolved));
  }
  std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> addresses(found, &freeaddrinfo);
  int last_error = 0;
  for (addrinfo* candidate = found; candidate != nullptr; candidate = candidate->ai_next) {
    int fd = socket(candidate->ai_family, candidate->ai_socktype | SOCK_CLOEXEC, 0);
    if (fd < 0) {
      last_error = errno;
      continue;
    }
    absl::Cleanup close_socket = [fd] { close(fd); };
    // As gRPC does: a port whose old connections linger is free.
    int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(fd, candidate->ai_addr, candidate->ai_addrlen) == 0 && listen(fd, 1) == 0) {
      return absl::OkStatus();
    }
    last_error = errno;
    // In use on one of a name's addresses is in use.
    if (last_error == EADDRINUSE) break;
  }
  if (last_error == EADDRINUSE) {
    return FailedPrecondition("PORT_IN_USE",
                              std::string(option) + ": " + Text(address) +
                                  " is in use by another process; stop that one, or choose "
                                  "another port with --" +
                                  std::string(option) + " (port 0 takes a free one)");
  }
  if (last_error == EADDRNOTAVAIL) {
    return FailedPrecondition(
        "ADDRESS_NOT_HERE", std::string(option) + ": this machine has no address " + address.host +
                                "; listen on one of its own, or on 0.0.0.0");
  }
  return FailedPrecondition("LISTEN_REFUSED", std::string(option) + ": cannot listen on " +
                                                  Text(address) + ": " + strerror(last_error));
}

}  // namespace tarn::server

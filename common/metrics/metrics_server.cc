#include "common/metrics/metrics_server.h"

#include <atomic>
#include <chrono>
#include <exception>
#include <thread>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <prometheus/exposer.h>
#include <sys/socket.h>

#include "common/metrics/metrics.h"
#include "common/status/error.h"

namespace tarn {
namespace {

// Civetweb takes addresses in numbers alone.
std::string Numeric(const std::string& address) {
  constexpr std::string_view kLocalhost = "localhost:";
  return address.starts_with(kLocalhost) ? "127.0.0.1:" + address.substr(kLocalhost.size())
                                         : address;
}

// Connects to an IPv4 address once and hangs up.
void Knock(const std::string& host, int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  if (inet_pton(AF_INET, host.c_str(), &address.sin_addr) != 1) return;
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return;
  (void)connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  close(fd);
}

}  // namespace

absl::StatusOr<std::unique_ptr<MetricsServer>> MetricsServer::Start(const std::string& address,
                                                                    const Metrics& metrics) {
  try {
    const std::string numeric = Numeric(address);
    auto exposer = std::make_unique<prometheus::Exposer>(numeric, /*num_threads=*/2);
    exposer->RegisterCollectable(metrics.registry());
    const std::vector<int> ports = exposer->GetListeningPorts();
    return std::unique_ptr<MetricsServer>(new MetricsServer(
        std::move(exposer), numeric.substr(0, numeric.rfind(':')), ports.empty() ? 0 : ports[0]));
  } catch (const std::exception& e) {
    return Unavailable("ADDRESS_IN_USE",
                       "cannot serve metrics on '" + address + "' (" + e.what() +
                           "): is another program listening there? Choose another address, or "
                           "port 0 for any free one",
                       {{"address", address}});
  }
}

MetricsServer::MetricsServer(std::unique_ptr<prometheus::Exposer> exposer, std::string host,
                             int port)
    : exposer_(std::move(exposer)), host_(std::move(host)), port_(port) {}

MetricsServer::~MetricsServer() {
  // Civetweb sees that it is to stop only when its wait for a connection of two seconds ends: a
  // graceful stop must not take that long, so we give it the connection.
  std::atomic<bool> stopped{false};
  std::thread knocker([&] {
    while (!stopped.load()) {
      Knock(host_, port_);
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  });
  exposer_.reset();
  stopped.store(true);
  knocker.join();
}

}  // namespace tarn

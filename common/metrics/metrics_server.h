// Serves the metrics of a process at http://<address>/metrics. One a process. Has threads of its
// own.
#pragma once

#include <memory>
#include <string>

#include <absl/status/statusor.h>

namespace prometheus {
class Exposer;
}

namespace tarn {

class Metrics;

class MetricsServer {
 public:
  // Listens on `address`, "ip:port"; "localhost" stands for 127.0.0.1, and port 0 takes a free one.
  // UNAVAILABLE, ADDRESS_IN_USE when it cannot: the port is taken, or the address is none of this
  // machine's. Keeps the metrics' registry alive, not the Metrics.
  static absl::StatusOr<std::unique_ptr<MetricsServer>> Start(const std::string& address,
                                                              const Metrics& metrics);
  // Stops listening.
  ~MetricsServer();
  MetricsServer(const MetricsServer&) = delete;
  MetricsServer& operator=(const MetricsServer&) = delete;

  // The port that it listens on.
  int port() const { return port_; }

 private:
  MetricsServer(std::unique_ptr<prometheus::Exposer> exposer, std::string host, int port);

  std::unique_ptr<prometheus::Exposer> exposer_;
  std::string host_;  // as listened on, in numbers
  int port_;
};

}  // namespace tarn

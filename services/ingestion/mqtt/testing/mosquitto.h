// A real Mosquitto for tests: on a port of its own, over TLS, with a client certificate and a
// password, all made on the spot. What it keeps for its clients survives a restart.
//
// Not thread safe. A broker that does not start ends the program with its log.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <sys/types.h>

namespace tarn::ingestion::mqtt {

class Mosquitto {
 public:
  static constexpr char kUser[] = "tarn";
  static constexpr char kPassword[] = "s3cret";

  // Below `dir`; writes what a client of the workspace "default" needs into dir/secrets/default:
  // ca.pem, client.pem, client.key, password.
  // `settings` are further lines of its configuration.
  explicit Mosquitto(std::filesystem::path dir, std::string settings = "log_type all");
  ~Mosquitto();
  Mosquitto(const Mosquitto&) = delete;
  Mosquitto& operator=(const Mosquitto&) = delete;

  int port() const { return port_; }
  std::string address() const { return "localhost:" + std::to_string(port_); }
  std::filesystem::path secrets() const { return dir_ / "secrets/default"; }

  // Returns when it listens.
  void Start();
  // With SIGTERM it saves what it keeps, with SIGKILL it does not.
  void Stop(int signal);

  // Sends messages with QoS 1, one a line; true when the broker has accepted all of them.
  bool Publish(const std::string& topic, const std::vector<std::string>& messages);

 private:
  std::string LogText() const;

  const std::filesystem::path dir_;
  const std::string settings_;
  int port_ = 0;
  pid_t pid_ = 0;
};

}  // namespace tarn::ingestion::mqtt

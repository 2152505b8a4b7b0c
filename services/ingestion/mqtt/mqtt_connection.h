// One connection to an MQTT 3.1.1 broker that receives messages with QoS 1 and acknowledges each
// only when its receiver says that it is kept. (The libraries at hand acknowledge by themselves,
// whatever became of the message: docs/adr/0006.)
//
// Run occupies one thread, on which all of this happens. Acknowledgements go out in the order of
// the messages. Memory is bounded: beyond max_in_flight_bytes of messages that are not kept yet
// nothing more is read, so that the broker holds back.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include <absl/status/status.h>
#include <absl/time/time.h>

namespace tarn::ingestion::mqtt {

struct ConnectionOptions {
  std::string host;
  std::string port;
  bool tls = false;
  // PEM texts; empty where there is none.
  std::string ca;
  std::string certificate;
  std::string key;
  std::string client_id;
  std::string user;
  std::string password;
  std::string topic_filter;
  // The subscription that the session has from before, "" when not known.
  std::string subscribed_filter;
  absl::Duration keep_alive = absl::Seconds(30);
  // For the connection, until the subscription stands.
  absl::Duration connect_timeout = absl::Seconds(20);
  // Of a larger message only the beginning is taken, the rest is passed over.
  size_t max_packet_bytes = 2u << 20;
  size_t max_in_flight_bytes = 16u << 20;
  // Before a message that could not be kept is tried again.
  absl::Duration store_retry_pause = absl::Milliseconds(500);
};

class Connection {
 public:
  // Says what became of a message: OK, it is kept. Any thread, once.
  using Done = std::function<void(absl::Status)>;
  // All are called on the thread of Run.
  struct Handler {
    // The subscription stands.
    std::function<void()> on_subscribed;
    // Keeps a message; the texts live during the call only. With RESOURCE_EXHAUSTED as its outcome
    // it is called again after a pause; any other error ends the connection, so that the broker
    // sends the message again.
    std::function<void(std::string_view topic, std::string_view payload, Done done)> store;
    // A message could not be kept and waits.
    std::function<void(const absl::Status&)> on_delay;
  };

  Connection(ConnectionOptions options, Handler handler);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Connects, subscribes and receives until Stop (then OK) or an error: UNAVAILABLE
  // MQTT_CONNECTION (broken, refused, timed out), FAILED_PRECONDITION MQTT_TLS (certificates),
  // PERMISSION_DENIED for what the broker refuses, INVALID_ARGUMENT MQTT_PROTOCOL, and what `store`
  // gave. What is not acknowledged then, the broker keeps. Once.
  absl::Status Run();
  // Ends Run soon, from any thread, also before it began.
  void Stop();

 private:
  class Impl;
  // Shared with the callbacks of messages, which may outlive the connection.
  const std::shared_ptr<Impl> impl_;
};

}  // namespace tarn::ingestion::mqtt

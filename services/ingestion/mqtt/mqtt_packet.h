// The packets of MQTT 3.1.1 that a subscriber with QoS 1 sends and receives. Pure functions; any
// thread. What a broker sends is not trusted: every length is checked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

namespace tarn::ingestion::mqtt {

enum class PacketType : uint8_t {
  kConnectAck = 2,
  kPublish = 3,
  kPublishAck = 4,
  kSubscribeAck = 9,
  kUnsubscribeAck = 11,
  kPingResponse = 13,
};

// ---- Sent

struct ConnectFields {
  std::string client_id;
  std::optional<std::string> user;
  std::optional<std::string> password;
  uint16_t keep_alive_seconds = 30;
};
// With clean_session = false: the broker keeps the session and its messages.
std::string ConnectPacket(const ConnectFields& fields);
// With QoS 1.
std::string SubscribePacket(uint16_t packet_id, std::string_view topic_filter);
std::string UnsubscribePacket(uint16_t packet_id, std::string_view topic_filter);
std::string PublishAckPacket(uint16_t packet_id);
std::string PingPacket();
std::string DisconnectPacket();

// ---- Received

// One packet at the beginning of the bytes received.
struct Frame {
  PacketType type = PacketType::kConnectAck;
  uint8_t flags = 0;
  std::string_view body;
  size_t size = 0;    // of the whole packet
  size_t excess = 0;  // bytes that follow and belong to a message whose body is cut off
};
// Nothing when more bytes are needed. Of a message with more than `max_bytes` the body is cut off
// there. INVALID_ARGUMENT MQTT_PROTOCOL for what no broker sends to a subscriber.
absl::StatusOr<std::optional<Frame>> NextFrame(std::string_view bytes, size_t max_bytes);

struct ConnectAck {
  bool session_present = false;
  uint8_t code = 0;
};
struct Publish {
  std::string_view topic;
  std::string_view payload;
  uint16_t packet_id = 0;  // 0 with QoS 0
  bool duplicate = false;
};
// All: INVALID_ARGUMENT MQTT_PROTOCOL.
absl::StatusOr<ConnectAck> ParseConnectAck(const Frame& frame);
absl::StatusOr<Publish> ParsePublish(const Frame& frame);
// OK when the broker took the subscription with QoS 1; PERMISSION_DENIED MQTT_SUBSCRIPTION_REFUSED.
absl::Status ParseSubscribeAck(const Frame& frame, uint16_t packet_id);

// What a broker means by refusing a connection.
absl::Status ConnectionRefused(uint8_t code);

}  // namespace tarn::ingestion::mqtt

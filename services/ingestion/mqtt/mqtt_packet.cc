#include "services/ingestion/mqtt/mqtt_packet.h"

#include <absl/strings/str_cat.h>

#include "common/status/error.h"
#include "common/status/status_macros.h"

namespace tarn::ingestion::mqtt {
namespace {

absl::Status ProtocolError(std::string_view what) {
  return InvalidArgument("MQTT_PROTOCOL",
                         absl::StrCat("the broker sent ", std::string(what),
                                      "; is it an MQTT 3.1.1 broker, and the port the right one?"));
}

void PutNumber(std::string& out, uint16_t number) {
  out.push_back(static_cast<char>(number >> 8));
  out.push_back(static_cast<char>(number & 0xff));
}

// At most 65,535 bytes: definitions are checked before.
void PutText(std::string& out, std::string_view text) {
  PutNumber(out, static_cast<uint16_t>(text.size()));
  out.append(text);
}

std::string Packet(uint8_t first_byte, std::string_view body) {
  std::string out(1, static_cast<char>(first_byte));
  size_t length = body.size();
  do {
    uint8_t digit = length % 128;
    length /= 128;
    if (length > 0) digit |= 128;
    out.push_back(static_cast<char>(digit));
  } while (length > 0);
  out.append(body);
  return out;
}

uint16_t NumberAt(std::string_view bytes, size_t at) {
  return static_cast<uint16_t>(static_cast<uint8_t>(bytes[at]) << 8 |
                               static_cast<uint8_t>(bytes[at + 1]));
}

}  // namespace

std::string ConnectPacket(const ConnectFields& fields) {
  std::string body;
  PutText(body, "MQTT");
  body.push_back(4);  // the protocol's level: 3.1.1
  body.push_back(static_cast<char>((fields.user ? 0x80 : 0) | (fields.password ? 0x40 : 0)));
  PutNumber(body, fields.keep_alive_seconds);
  PutText(body, fields.client_id);
  if (fields.user) PutText(body, *fields.user);
  if (fields.password) PutText(body, *fields.password);
  return Packet(0x10, body);
}

std::string SubscribePacket(uint16_t packet_id, std::string_view topic_filter) {
  std::string body;
  PutNumber(body, packet_id);
  PutText(body, topic_filter);
  body.push_back(1);
  return Packet(0x82, body);
}

std::string UnsubscribePacket(uint16_t packet_id, std::string_view topic_filter) {
  std::string body;
  PutNumber(body, packet_id);
  PutText(body, topic_filter);
  return Packet(0xa2, body);
}

std::string PublishAckPacket(uint16_t packet_id) {
  std::string body;
  PutNumber(body, packet_id);
  return Packet(0x40, body);
}

std::string PingPacket() { return Packet(0xc0, ""); }

std::string DisconnectPacket() { return Packet(0xe0, ""); }

absl::StatusOr<std::optional<Frame>> NextFrame(std::string_view bytes, size_t max_bytes) {
  if (bytes.empty()) return std::nullopt;
  Frame frame;
  const auto first = static_cast<uint8_t>(bytes[0]);
  frame.type = static_cast<PacketType>(first >> 4);
  frame.flags = first & 0x0f;
  switch (frame.type) {
    case PacketType::kConnectAck:
    case PacketType::kPublish:
    case PacketType::kSubscribeAck:
    case PacketType::kUnsubscribeAck:
    case PacketType::kPingResponse:
      break;
    default:
      return ProtocolError(absl::StrCat("a packet of type ", first >> 4));
  }
  size_t length = 0;
  size_t at = 1;
  for (int shift = 0;; shift += 7) {
    if (shift > 21) return ProtocolError("a length of more than four bytes");
    if (at == bytes.size()) return std::nullopt;
    const auto digit = static_cast<uint8_t>(bytes[at++]);
    length |= static_cast<size_t>(digit & 0x7f) << shift;
    if ((digit & 0x80) == 0) break;
  }
  if (length > max_bytes) {
    if (frame.type != PacketType::kPublish) {
      return ProtocolError(absl::StrCat("a packet of ", length, " bytes that is no message"));
    }
    frame.excess = length - max_bytes;
    length = max_bytes;
  }
  if (bytes.size() - at < length) return std::nullopt;
  frame.body = bytes.substr(at, length);
  frame.size = at + length;
  return frame;
}

absl::StatusOr<ConnectAck> ParseConnectAck(const Frame& frame) {
  if (frame.body.size() != 2) return ProtocolError("a malformed CONNACK");
  return ConnectAck{.session_present = (frame.body[0] & 1) != 0,
                    .code = static_cast<uint8_t>(frame.body[1])};
}

absl::StatusOr<Publish> ParsePublish(const Frame& frame) {
  Publish publish;
  const int qos = (frame.flags >> 1) & 3;
  publish.duplicate = (frame.flags & 8) != 0;
  std::string_view rest = frame.body;
  if (qos > 1) return ProtocolError("a message with a QoS that was not asked for");
  if (rest.size() < 2 || rest.size() - 2 < NumberAt(rest, 0)) {
    return ProtocolError("a message whose topic is cut off");
  }
  publish.topic = rest.substr(2, NumberAt(rest, 0));
  rest.remove_prefix(2 + publish.topic.size());
  if (qos == 1) {
    if (rest.size() < 2) return ProtocolError("a message without an identifier");
    publish.packet_id = NumberAt(rest, 0);
    if (publish.packet_id == 0) return ProtocolError("a message with the identifier 0");
    rest.remove_prefix(2);
  }
  publish.payload = rest;
  return publish;
}

absl::Status ParseSubscribeAck(const Frame& frame, uint16_t packet_id) {
  if (frame.body.size() != 3 || NumberAt(frame.body, 0) != packet_id) {
    return ProtocolError("a malformed SUBACK");
  }
  const auto code = static_cast<uint8_t>(frame.body[2]);
  if (code == 1) return absl::OkStatus();
  return PermissionDenied(
      "MQTT_SUBSCRIPTION_REFUSED",
      code == 0 ? "the broker allows the topic filter with QoS 0 only, which loses messages; let "
                  "it allow QoS 1"
                : "the broker refuses the topic filter; look at its access rules for this user");
}

absl::Status ConnectionRefused(uint8_t code) {
  switch (code) {
    case 2:
      return PermissionDenied("MQTT_CLIENT_ID_REFUSED", "the broker refuses the client id");
    case 3:
      return Unavailable("MQTT_BROKER_UNAVAILABLE", "the broker says that it is not available");
    case 4:
    case 5:
      return PermissionDenied("MQTT_NOT_AUTHORIZED",
                              "the broker refuses the user, the password or the certificate; look "
                              "at user, password_file and certificate_file");
    default:
      return PermissionDenied("MQTT_REFUSED",
                              absl::StrCat("the broker refuses the connection (code ", code,
                                           "); it must speak MQTT 3.1.1"));
  }
}

}  // namespace tarn::ingestion::mqtt

// Packets, topics and records of connectors, and the rules of their definition. No I/O.
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/status/error.h"
#include "common/testing/status_matchers.h"
#include "services/ingestion/mqtt/connector.h"
#include "services/ingestion/mqtt/mqtt_packet.h"
#include "services/ingestion/mqtt/mqtt_record.h"
#include "services/ingestion/mqtt/topic_pattern.h"
#include "services/ingestion/record/record_check.h"

namespace tarn::ingestion::mqtt {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr size_t kMax = 1000;

// ---- Packets

TEST(MqttPacketTest, ConnectAsksForASessionThatStays) {
  EXPECT_EQ(ConnectPacket({.client_id = "c", .keep_alive_seconds = 30}),
            std::string("\x10\x0d\0\4MQTT\4\0\0\x1e\0\1c", 15));
  EXPECT_EQ(ConnectPacket({.client_id = "c", .user = "u", .password = "p"}),
            std::string("\x10\x13\0\4MQTT\4\xc0\0\x1e\0\1c\0\1u\0\1p", 21));
}

TEST(MqttPacketTest, AMessageIsTakenApart) {
  const std::string bytes("\x3a\x08\0\2a/\0\7{}", 10);
  const std::string received = bytes + "more";
  ASSERT_OK_AND_ASSIGN(const auto frame, NextFrame(received, kMax));
  ASSERT_TRUE(frame.has_value());
  EXPECT_EQ(frame->size, bytes.size());
  ASSERT_OK_AND_ASSIGN(const Publish publish, ParsePublish(*frame));
  EXPECT_EQ(publish.topic, "a/");
  EXPECT_EQ(publish.packet_id, 7);
  EXPECT_EQ(publish.payload, "{}");
  EXPECT_TRUE(publish.duplicate);
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(NextFrame(bytes.substr(0, size), kMax)->has_value()) << size;
  }
}

TEST(MqttPacketTest, OfATooLargeMessageTheBeginningIsTaken) {
  std::string bytes("\x32\xd0\x0f\0\1t\0\1", 8);  // 2000 bytes
  bytes.append(1995, 'x');
  ASSERT_OK_AND_ASSIGN(const auto frame, NextFrame(bytes, kMax));
  ASSERT_TRUE(frame.has_value());
  EXPECT_EQ(frame->body.size(), kMax);
  EXPECT_EQ(frame->size + frame->excess, bytes.size());
  // An acknowledgement of such a size is nonsense.
  bytes[0] = '\x90';
  EXPECT_THAT(NextFrame(bytes, kMax),
              StatusIs(absl::StatusCode::kInvalidArgument, "MQTT_PROTOCOL"));
}

TEST(MqttPacketTest, WhatNoBrokerSendsIsRefused) {
  EXPECT_FALSE(NextFrame("HTTP/1.1 400 Bad Request", kMax).ok());
  EXPECT_FALSE(NextFrame("\x32\xff\xff\xff\xff\x01", kMax).ok());
  const auto publish = [](std::string_view body, uint8_t flags) {
    return ParsePublish({.type = PacketType::kPublish, .flags = flags, .body = body});
  };
  EXPECT_FALSE(publish("", 2).ok());
  EXPECT_FALSE(publish(std::string_view("\0\5ab", 4), 2).ok());
  EXPECT_FALSE(publish(std::string_view("\0\1a", 3), 2).ok());
  EXPECT_FALSE(publish(std::string_view("\0\1a\0\0", 5), 2).ok());
  EXPECT_FALSE(publish(std::string_view("\0\1a\0\1", 5), 4).ok());  // QoS 2
  EXPECT_THAT(ParseSubscribeAck({.body = std::string_view("\0\2\x80", 3)}, 2),
              StatusIs(absl::StatusCode::kPermissionDenied, "MQTT_SUBSCRIPTION_REFUSED"));
  EXPECT_OK(ParseSubscribeAck({.body = std::string_view("\0\2\1", 3)}, 2));
  EXPECT_FALSE(ParseSubscribeAck({.body = std::string_view("\0\3\1", 3)}, 2).ok());
}

TEST(MqttPacketTest, AnyBytesAreReadWithinTheirBounds) {
  std::mt19937 random(1);
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes(random() % 40, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random() % 4 == 0 ? random() % 8 : random());
    if (!bytes.empty() && round % 2 == 0) bytes[0] = static_cast<char>(0x30 | (random() & 0xf));
    const auto frame = NextFrame(bytes, 20);
    if (!frame.ok() || !*frame) continue;
    ASSERT_LE((*frame)->size, bytes.size());
    ParsePublish(**frame).IgnoreError();
    ParseConnectAck(**frame).IgnoreError();
    ParseSubscribeAck(**frame, 2).IgnoreError();
  }
}

// ---- Topics

TEST(TopicPatternTest, NamedLevelsBecomeColumns) {
  ASSERT_OK_AND_ASSIGN(const auto pattern, TopicPattern::Parse("devices/{device}/+/{kind}/#"));
  EXPECT_EQ(pattern.filter(), "devices/+/+/+/#");
  EXPECT_THAT(pattern.names(), ElementsAre("device", "kind"));
  EXPECT_THAT(*pattern.Match("devices/d1/x/temp/a/b"), ElementsAre("d1", "temp"));
  EXPECT_THAT(*pattern.Match("devices/d1//temp"), ElementsAre("d1", "temp"));
  EXPECT_FALSE(pattern.Match("devices/d1/x").has_value());
  EXPECT_FALSE(pattern.Match("others/d1/x/temp").has_value());
  EXPECT_FALSE(TopicPattern::Parse("a/+")->Match("a/b/c").has_value());
  EXPECT_FALSE(TopicPattern::Parse("#")->Match("$SYS/uptime").has_value());
}

TEST(TopicPatternTest, AMalformedPatternIsRefused) {
  for (const char* text :
       {"", "a/#/b", "a+/b", "a/{Bad Name}/b", "a/{x", "{x}/{x}", "a#", "$share/group/a", "{}"}) {
    EXPECT_FALSE(TopicPattern::Parse(text).ok()) << text;
  }
}

// ---- Records

std::string Record(std::string_view topic, std::string_view payload,
                   v1::MqttPayloadFormat format = v1::MQTT_PAYLOAD_FORMAT_JSON) {
  return MakeRecord(*TopicPattern::Parse("d/{device}/{kind}"), format, topic, payload);
}

TEST(MqttRecordTest, LevelsStandBeforeThePayloadsFields) {
  EXPECT_EQ(Record("d/d1/temp", R"( {"v": 1})"), R"({"device":"d1","kind":"temp","v": 1})");
  EXPECT_EQ(Record("d/d1/temp", "{}"), R"({"device":"d1","kind":"temp"})");
  EXPECT_EQ(Record("d/a\"b/\xff", "{ }"), "{\"device\":\"a\\\"b\",\"kind\":\"\xEF\xBF\xBD\" }");
}

TEST(MqttRecordTest, AFieldThatSaysTheSameStaysAloneAndAnotherIsADeadLetterToBe) {
  EXPECT_EQ(Record("d/d1/temp", R"({"device":"d1","v":1})"),
            R"({"kind":"temp","device":"d1","v":1})");
  EXPECT_EQ(Record("d/d1/temp", R"({"device":"d2"})"),
            R"({"device":"d1","kind":"temp","device":"d2"})");
}

TEST(MqttRecordTest, WhatIsNoObjectIsKeptAsItIs) {
  for (const char* payload : {"", "23.5", "[1]", "{\"a\":", "\xff\xfe"}) {
    EXPECT_EQ(Record("d/d1/temp", payload), payload);
  }
  // Of a too large payload the beginning is kept, which is no JSON.
  const std::string large = "{\"a\":\"" + std::string(kMaxRecordBytes, 'x') + "\"}";
  const std::string kept = Record("d/d1/temp", large);
  EXPECT_EQ(kept.size(), kMaxRecordBytes);
  EXPECT_EQ(CheckRecord(kept)->reason, kInvalidJson);
}

TEST(MqttRecordTest, TextBecomesAField) {
  EXPECT_EQ(Record("d/d1/temp", "23.5 \"C\"", v1::MQTT_PAYLOAD_FORMAT_TEXT),
            R"({"device":"d1","kind":"temp","value":"23.5 \"C\""})");
}

TEST(MqttRecordTest, TheSameValuesGiveTheSameKey) {
  const std::vector<std::string> fields = {"device", "ts"};
  const std::string key = DeduplicationKey(fields, R"({"device":"d1","ts":1.5,"v":1})");
  EXPECT_EQ(key.size(), 32u);
  EXPECT_EQ(DeduplicationKey(fields, R"({"v":2, "ts":1.5, "device":"d1"})"), key);
  EXPECT_NE(DeduplicationKey(fields, R"({"device":"d1","ts":"1.5"})"), key);
  EXPECT_NE(DeduplicationKey(fields, R"({"device":"d11","ts":1.5})"), key);
  EXPECT_EQ(DeduplicationKey(fields, R"({"device":"d1"})"), "");
  EXPECT_EQ(DeduplicationKey(fields, R"({"device":"d1","ts":null})"), "");
  EXPECT_EQ(DeduplicationKey(fields, "broken"), "");
  EXPECT_EQ(DeduplicationKey({}, R"({"device":"d1","ts":1.5})"), "");
}

// ---- Definitions

v1::Connector Good() {
  v1::Connector connector;
  connector.set_name("connectors/c");
  connector.set_stream("streams/s");
  connector.mutable_mqtt()->set_broker("broker.example.org:8883");
  connector.mutable_mqtt()->set_topic_filter("d/{device}");
  return connector;
}

TEST(ConnectorTest, DefaultsAreFilledIn) {
  ASSERT_OK_AND_ASSIGN(const v1::Connector normal, NormalizeConnector(Good()));
  EXPECT_EQ(normal.mqtt().keep_alive().seconds(), 30);
  EXPECT_EQ(normal.mqtt().payload_format(), v1::MQTT_PAYLOAD_FORMAT_JSON);
}

TEST(ConnectorTest, EveryFaultIsNamed) {
  v1::Connector connector = Good();
  connector.set_name("connectors/Bad");
  connector.set_stream("x");
  connector.mutable_mqtt()->set_broker("no-port");
  connector.mutable_mqtt()->set_topic_filter("a/#/b");
  connector.mutable_mqtt()->set_ca_file("../secrets/admin.key");
  connector.mutable_mqtt()->set_key_file("k.pem");
  connector.mutable_mqtt()->set_password_file("/etc/passwd");
  connector.mutable_mqtt()->mutable_keep_alive()->set_seconds(1);
  const absl::Status status = NormalizeConnector(connector).status();
  std::vector<std::string> fields;
  for (const FieldViolation& violation : FieldViolationsOf(status)) {
    fields.push_back(violation.field);
  }
  EXPECT_THAT(fields, ElementsAre("connector.name", "connector.stream", "connector.mqtt.broker",
                                  "connector.mqtt.topic_filter", "connector.mqtt.ca_file",
                                  "connector.mqtt.ca_file", "connector.mqtt.key_file",
                                  "connector.mqtt.password_file", "connector.mqtt.key_file",
                                  "connector.mqtt.user", "connector.mqtt.keep_alive"));
}

TEST(ConnectorTest, APasswordTravelsInTheClearOnlyWhereThatIsSaid) {
  v1::Connector connector = Good();
  connector.mutable_mqtt()->set_user("u");
  connector.mutable_mqtt()->set_password_file("p");
  EXPECT_THAT(NormalizeConnector(connector), StatusIs(absl::StatusCode::kInvalidArgument,
                                                      "INVALID_FIELD", HasSubstr("in the clear")));
  connector.mutable_mqtt()->set_allow_insecure_password(true);
  EXPECT_OK(NormalizeConnector(connector));
  connector.mutable_mqtt()->set_allow_insecure_password(false);
  connector.mutable_mqtt()->set_tls(true);
  EXPECT_OK(NormalizeConnector(connector));
}

TEST(ConnectorTest, AnUpdateChangesWhatItNames) {
  ASSERT_OK_AND_ASSIGN(const v1::Connector current, NormalizeConnector(Good()));
  v1::Connector wanted;
  wanted.set_paused(true);
  google::protobuf::FieldMask mask;
  mask.add_paths("paused");
  ASSERT_OK_AND_ASSIGN(const v1::Connector next, ApplyConnectorUpdate(current, wanted, mask));
  EXPECT_TRUE(next.paused());
  EXPECT_EQ(next.stream(), "streams/s");
  mask.add_paths("name");
  EXPECT_FALSE(ApplyConnectorUpdate(current, wanted, mask).ok());
}

}  // namespace
}  // namespace tarn::ingestion::mqtt

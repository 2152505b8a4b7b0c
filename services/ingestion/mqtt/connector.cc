#include "services/ingestion/mqtt/connector.h"

#include <vector>

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <google/protobuf/util/time_util.h>

#include "common/lake/lake_paths.h"
#include "common/names/names.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/ingestion/mqtt/topic_pattern.h"

namespace tarn::ingestion::mqtt {
namespace {

using google::protobuf::util::TimeUtil;

constexpr size_t kMaxCommentBytes = 4096;
constexpr size_t kMaxTextBytes = 255;
constexpr int kMaxDeduplicationFields = 16;
constexpr int64_t kDefaultKeepAliveSeconds = 30;

bool IsLoopback(const std::string& host) {
  return host == "localhost" || host == "::1" || host.starts_with("127.");
}

void NormalizeMqtt(v1::MqttSource& mqtt, std::vector<FieldViolation>& violations) {
  const std::string at = "connector.mqtt.";
  const auto problem = [&](const char* field, std::string_view what) {
    violations.push_back({at + field, std::string(what)});
  };
  const absl::StatusOr<BrokerAddress> broker = ParseBroker(mqtt.broker());
  if (!broker.ok()) problem("broker", std::string(broker.status().message()));
  if (const auto topic = TopicPattern::Parse(mqtt.topic_filter()); !topic.ok()) {
    problem("topic_filter", std::string(topic.status().message()));
  }
  const auto check_file = [&](const char* field, const std::string& file) {
    if (file.empty()) return;
    if (absl::Status valid = lake::ValidateRelativePath(file); !valid.ok()) {
      problem(field, absl::StrCat("must be a path below the folder of connectors' secrets: ",
                                  std::string(valid.message())));
    }
    if (!mqtt.tls() && std::string_view(field) != "password_file") {
      problem(field, "is of use with tls only");
    }
  };
  check_file("ca_file", mqtt.ca_file());
  check_file("certificate_file", mqtt.certificate_file());
  check_file("key_file", mqtt.key_file());
  check_file("password_file", mqtt.password_file());
  if (mqtt.certificate_file().empty() != mqtt.key_file().empty()) {
    problem("key_file", "a certificate and its key come together");
  }
  if (!mqtt.password_file().empty() && mqtt.user().empty()) {
    problem("user", "a password needs a user");
  }
  if (!mqtt.password_file().empty() && !mqtt.tls() && !mqtt.allow_insecure_password() &&
      broker.ok() && !IsLoopback(broker->host)) {
    problem("password_file",
            "would travel in the clear; set tls, or allow_insecure_password if that is meant");
  }
  for (const auto& [field, text] :
       {std::pair<const char*, const std::string*>{"user", &mqtt.user()},
        {"client_id", &mqtt.client_id()}}) {
    if (text->size() > kMaxTextBytes || text->find('\0') != std::string::npos) {
      problem(field, "must have at most 255 bytes and no U+0000");
    }
  }
  if (mqtt.payload_format() == v1::MQTT_PAYLOAD_FORMAT_UNSPECIFIED) {
    mqtt.set_payload_format(v1::MQTT_PAYLOAD_FORMAT_JSON);
  }
  if (!v1::MqttPayloadFormat_IsValid(mqtt.payload_format())) {
    problem("payload_format", "must be JSON or TEXT");
  }
  if (!mqtt.has_keep_alive()) mqtt.mutable_keep_alive()->set_seconds(kDefaultKeepAliveSeconds);
  if (mqtt.keep_alive().nanos() != 0 || mqtt.keep_alive().seconds() < 5 ||
      mqtt.keep_alive().seconds() > 300) {
    problem("keep_alive", "must be whole seconds, 5s to 300s");
  }
}

}  // namespace

absl::StatusOr<BrokerAddress> ParseBroker(std::string_view text) {
  const absl::Status bad = InvalidArgument(
      "INVALID_ADDRESS", "must be host:port, such as broker.example.org:8883 or [::1]:1883");
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0 || text.size() > kMaxTextBytes) return bad;
  BrokerAddress address{std::string(text.substr(0, colon)), std::string(text.substr(colon + 1))};
  int port = 0;
  if (!absl::SimpleAtoi(address.port, &port) || port < 1 || port > 65535) return bad;
  if (address.host.front() == '[' && address.host.back() == ']') {
    address.host = address.host.substr(1, address.host.size() - 2);
  } else if (address.host.find_first_of(":/@ ") != std::string::npos) {
    return bad;
  }
  if (address.host.empty() || address.host.find('\0') != std::string::npos) return bad;
  return address;
}

absl::StatusOr<std::string> ParseConnectorName(const std::string& name) {
  TARN_ASSIGN_OR_RETURN(std::vector<std::string> parts,
                        names::Parse("connectors/{connector}", name));
  return std::move(parts[0]);
}

absl::StatusOr<v1::Connector> NormalizeConnector(const v1::Connector& connector) {
  std::vector<FieldViolation> violations;
  v1::Connector normal;
  const auto check_name = [&](const std::string& field, const char* pattern,
                              const std::string& name) {
    absl::StatusOr<std::vector<std::string>> id = names::Parse(pattern, name);
    const absl::Status status = id.ok() ? names::ValidateId(field, id->front()) : id.status();
    if (!status.ok()) violations.push_back({field, std::string(status.message())});
  };
  normal.set_name(connector.name());
  check_name("connector.name", "connectors/{connector}", connector.name());
  normal.set_stream(connector.stream());
  check_name("connector.stream", "streams/{stream}", connector.stream());
  if (connector.has_mqtt()) {
    *normal.mutable_mqtt() = connector.mqtt();
    NormalizeMqtt(*normal.mutable_mqtt(), violations);
  } else {
    violations.push_back({"connector.mqtt", "a connector needs a source"});
  }
  *normal.mutable_deduplication_fields() = connector.deduplication_fields();
  if (connector.deduplication_fields_size() > kMaxDeduplicationFields) {
    violations.push_back({"connector.deduplication_fields", "at most 16"});
  }
  for (const std::string& field : connector.deduplication_fields()) {
    if (field.empty() || field.size() > kMaxTextBytes) {
      violations.push_back({"connector.deduplication_fields", "each has 1 to 255 bytes"});
    }
  }
  if (connector.comment().size() > kMaxCommentBytes) {
    violations.push_back({"connector.comment", "at most 4096 bytes"});
  }
  normal.set_comment(connector.comment());
  normal.set_paused(connector.paused());
  if (!violations.empty()) return InvalidFields(std::move(violations));
  return normal;
}

absl::StatusOr<v1::Connector> ApplyConnectorUpdate(const v1::Connector& current,
                                                   const v1::Connector& wanted,
                                                   const google::protobuf::FieldMask& mask) {
  v1::Connector next = current;
  std::vector<std::string> paths(mask.paths().begin(), mask.paths().end());
  if (paths.empty()) paths = {"stream", "mqtt", "deduplication_fields", "comment", "paused"};
  for (const std::string& path : paths) {
    if (path == "stream") {
      next.set_stream(wanted.stream());
    } else if (path == "mqtt") {
      next.clear_source();
      if (wanted.has_mqtt()) *next.mutable_mqtt() = wanted.mqtt();
    } else if (path == "deduplication_fields") {
      *next.mutable_deduplication_fields() = wanted.deduplication_fields();
    } else if (path == "comment") {
      next.set_comment(wanted.comment());
    } else if (path == "paused") {
      next.set_paused(wanted.paused());
    } else {
      return InvalidFields({{"update_mask", absl::StrCat("a connector has no field \"", path,
                                                         "\" that can be changed")}});
    }
  }
  return NormalizeConnector(next);
}

v1::Connector ConnectorToProto(const Connector& connector) {
  v1::Connector proto = connector.definition;
  proto.set_owner(connector.owner);
  *proto.mutable_status() = connector.status;
  *proto.mutable_create_time() =
      TimeUtil::MicrosecondsToTimestamp(absl::ToUnixMicros(connector.create_time));
  *proto.mutable_update_time() =
      TimeUtil::MicrosecondsToTimestamp(absl::ToUnixMicros(connector.update_time));
  proto.set_etag(connector.etag());
  return proto;
}

}  // namespace tarn::ingestion::mqtt

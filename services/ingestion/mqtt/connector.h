// A connector as ingestion keeps it, and the rules of its definition. A plain value; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <absl/status/statusor.h>
#include <absl/time/time.h>
#include <google/protobuf/field_mask.pb.h>

#include "tarn/ingestion/v1/connector.pb.h"

namespace tarn::ingestion::mqtt {

struct Connector {
  std::string workspace;
  std::string id;
  std::string uid;  // new with every creation
  // The input fields of the proto, defaults filled in.
  v1::Connector definition;
  std::string owner;
  int64_t revision = 1;
  absl::Time create_time;
  absl::Time update_time;
  // What the holder of the lease last wrote.
  v1::ConnectorStatus status;
  std::string subscribed_filter;

  std::string name() const { return "connectors/" + id; }
  std::string etag() const { return std::string("r").append(std::to_string(revision)); }
};

// "host:port" apart; INVALID_ARGUMENT.
struct BrokerAddress {
  std::string host;
  std::string port;
};
absl::StatusOr<BrokerAddress> ParseBroker(std::string_view text);

// The id in `connectors/{connector}`; INVALID_ARGUMENT INVALID_RESOURCE_NAME.
absl::StatusOr<std::string> ParseConnectorName(const std::string& name);

// Only the input fields, with the defaults filled in. INVALID_ARGUMENT (INVALID_FIELD) lists what
// is wrong, below "connector".
absl::StatusOr<v1::Connector> NormalizeConnector(const v1::Connector& connector);

// `current` with the fields of `mask` (all that may change when it is empty) from `wanted`.
absl::StatusOr<v1::Connector> ApplyConnectorUpdate(const v1::Connector& current,
                                                   const v1::Connector& wanted,
                                                   const google::protobuf::FieldMask& mask);

v1::Connector ConnectorToProto(const Connector& connector);

}  // namespace tarn::ingestion::mqtt

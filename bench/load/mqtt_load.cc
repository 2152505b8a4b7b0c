#include "bench/load/mqtt_load.h"

#include <string>
#include <vector>

#include <absl/strings/str_split.h>
#include <absl/time/clock.h>

#include "tarn/ingestion/v1/connector_service.grpc.pb.h"

#include "bench/load/device_messages.h"
#include "common/rpc/client.h"
#include "common/status/error.h"

namespace tarn::bench {
namespace {

using ingestion::mqtt::Mosquitto;
using ingestion::v1::Connector;
using ingestion::v1::ConnectorService;

constexpr char kTopic[] = "bench/readings";
constexpr absl::Duration kPatience = absl::Minutes(5);

Connector Definition(const Mosquitto& broker) {
  Connector connector;
  connector.set_name("connectors/bench");
  connector.set_stream("streams/mqtt");
  auto& mqtt = *connector.mutable_mqtt();
  mqtt.set_broker(broker.address());
  mqtt.set_tls(true);
  mqtt.set_ca_file("ca.pem");
  mqtt.set_certificate_file("client.pem");
  mqtt.set_key_file("client.key");
  mqtt.set_user(Mosquitto::kUser);
  mqtt.set_password_file("password");
  mqtt.set_topic_filter(kTopic);
  return connector;
}

// Polls until `done` holds.
template <typename Condition>
void WaitFor(const char* what, Condition done) {
  const absl::Time give_up = absl::Now() + kPatience;
  while (!done()) {
    if (absl::Now() > give_up) DieUnlessOk(DeadlineExceeded("TOO_SLOW", "it does not come"), what);
    absl::SleepFor(absl::Milliseconds(20));
  }
}

}  // namespace

double RunMqtt(LoadTarget& target, Mosquitto& broker, int64_t messages) {
  target.CreateStream("mqtt");
  const auto stub = ConnectorService::NewStub(target.dashboard());
  const auto update = [&](const Connector& connector) {
    ingestion::v1::UpdateConnectorRequest request;
    *request.mutable_connector() = connector;
    DieUnlessOk(
        rpc::Call(*stub, &ConnectorService::Stub::UpdateConnector, request, target.credentials())
            .status(),
        "changing the connector");
  };
  const auto status = [&] {
    ingestion::v1::GetConnectorRequest request;
    request.set_name("connectors/bench");
    auto connector =
        rpc::Call(*stub, &ConnectorService::Stub::GetConnector, request, target.credentials());
    DieUnlessOk(connector.status(), "reading the connector");
    return connector->status();
  };
  Connector connector = Definition(broker);
  ingestion::v1::CreateConnectorRequest create;
  *create.mutable_connector() = connector;
  DieUnlessOk(
      rpc::Call(*stub, &ConnectorService::Stub::CreateConnector, create, target.credentials())
          .status(),
      "making the connector");
  WaitFor("connecting",
          [&] { return status().state() == ingestion::v1::CONNECTOR_STATE_CONNECTED; });
  connector.set_paused(true);
  update(connector);
  WaitFor("pausing", [&] { return status().state() == ingestion::v1::CONNECTOR_STATE_PAUSED; });

  std::vector<std::string> lines;
  for (const MessageBatch& batch : MakeBatches(1, messages, 11)) {
    lines = absl::StrSplit(batch.lines, '\n', absl::SkipEmpty());
  }
  if (!broker.Publish(kTopic, lines)) DieUnlessOk(Unavailable("MQTT", "not published"), "MQTT");

  connector.set_paused(false);
  update(connector);
  // From the first ones on: connecting is not what is measured.
  int64_t first = 0, last = 0;
  WaitFor("the first messages", [&] { return (first = target.Acknowledged("mqtt")) > 0; });
  const absl::Time begin = absl::Now();
  WaitFor("the messages", [&] { return (last = target.Acknowledged("mqtt")) >= messages; });
  return static_cast<double>(last - first) / absl::ToDoubleSeconds(absl::Now() - begin);
}

}  // namespace tarn::bench

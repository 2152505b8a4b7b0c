// Connectors against a real Mosquitto, a real PostgreSQL and a real log; the catalog is a fake.
#include <atomic>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <thread>

#include <absl/strings/str_cat.h>
#include <nlohmann/json.hpp>
#include <sys/wait.h>

#include "tarn/ingestion/v1/connector_service.grpc.pb.h"

#include "services/ingestion/mqtt/mqtt_connection.h"
#include "services/ingestion/mqtt/testing/mosquitto.h"
#include "services/ingestion/testing/kill_fixture.h"
#include "tools/datagen/iot_writer.h"

namespace tarn::ingestion::mqtt {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Stub = v1::ConnectorService::Stub;

template <typename Condition>
bool Eventually(Condition condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return true;
}

std::vector<std::string> Numbered(int from, int to) {
  std::vector<std::string> messages;
  for (int i = from; i < to; ++i) messages.push_back(absl::StrCat("{\"n\":", i, "}"));
  return messages;
}

class MqttPgTest : public KillTest {
 protected:
  void SetUp() override {
    IngestionPgTest::SetUp();
    ASSERT_OK(ingestion_->CreateStream("s"));
  }
  IngestionOptions Options() override {
    IngestionOptions options;
    options.connector_secrets_path = broker_.secrets().parent_path();
    options.connector_lease = absl::Seconds(3);
    return options;
  }
  void Restart() { Start(Options()); }

  v1::Connector Definition() {
    v1::Connector connector;
    connector.set_name("connectors/c");
    connector.set_stream("streams/s");
    v1::MqttSource& mqtt = *connector.mutable_mqtt();
    mqtt.set_broker(broker_.address());
    mqtt.set_tls(true);
    mqtt.set_ca_file("ca.pem");
    mqtt.set_certificate_file("client.pem");
    mqtt.set_key_file("client.key");
    mqtt.set_user(Mosquitto::kUser);
    mqtt.set_password_file("password");
    mqtt.set_topic_filter("devices/{device}/readings");
    return connector;
  }
  template <typename Response, typename Method, typename Request>
  absl::StatusOr<Response> Call(Method method, const Request& request) {
    const auto stub = v1::ConnectorService::NewStub(ingestion_->channel());
    grpc::ClientContext context;
    ingestion_->Prepare(context);
    Response response;
    const grpc::Status status = ((*stub).*method)(&context, request, &response);
    if (!status.ok()) return rpc::FromGrpcStatus(status);
    return response;
  }
  absl::StatusOr<v1::Connector> Create(const v1::Connector& connector) {
    v1::CreateConnectorRequest request;
    *request.mutable_connector() = connector;
    return Call<v1::Connector>(&Stub::CreateConnector, request);
  }
  absl::StatusOr<v1::Connector> Update(const v1::Connector& connector) {
    v1::UpdateConnectorRequest request;
    *request.mutable_connector() = connector;
    return Call<v1::Connector>(&Stub::UpdateConnector, request);
  }
  v1::ConnectorStatus Status() {
    v1::GetConnectorRequest request;
    request.set_name("connectors/c");
    const auto connector = Call<v1::Connector>(&Stub::GetConnector, request);
    return connector.ok() ? connector->status() : v1::ConnectorStatus();
  }
  bool WaitForState(v1::ConnectorState state) {
    return Eventually([&] { return Status().state() == state; });
  }
  bool WaitForError(const std::string& part) {
    return Eventually([&] { return Status().error().find(part) != std::string::npos; });
  }
  bool WaitForMessages(int64_t count) {
    return Eventually([&] { return Status().message_count() >= count; });
  }
  // What the stream's table says, after a flush, to a select list of one text.
  std::vector<std::string> Rows(const std::string& select, const std::string& stream = "s") {
    EXPECT_OK(ingestion_->Flush(stream, kWait));
    return IngestionPgTest::Rows(stream, select);
  }

  Mosquitto broker_{dir_ / "broker"};
};

TEST_F(MqttPgTest, TheSmartHubMessagesOfEachDevicesTopicGiveTheSameTable) {
  constexpr int kMessages = 3000;
  ASSERT_OK(datagen::WriteIot(dir_.path(), kMessages, 1));
  std::ifstream in(dir_ / "raw_data_large.json");
  const nlohmann::json all = nlohmann::json::parse(in);
  ASSERT_EQ(all.size(), static_cast<size_t>(kMessages));
  ASSERT_OK(ingestion_->CreateStream("put"));
  std::vector<std::string> records;
  for (const nlohmann::json& message : all) records.push_back(message.dump());
  ASSERT_OK(ingestion_->Put("put", records));

  ASSERT_OK(Create(Definition()));
  ASSERT_TRUE(WaitForState(v1::CONNECTOR_STATE_CONNECTED)) << Status().DebugString();
  std::map<std::string, std::vector<std::string>> by_device;
  for (nlohmann::json message : all) {
    const std::string device = message["device"];
    // Every second message leaves its device to the topic.
    if (by_device[device].size() % 2 == 0) message.erase("device");
    by_device[device].push_back(message.dump());
  }
  ASSERT_EQ(by_device.size(), 3u);
  for (const auto& [device, messages] : by_device) {
    ASSERT_TRUE(broker_.Publish("devices/" + device + "/readings", messages));
  }
  ASSERT_TRUE(WaitForMessages(kMessages)) << Status().DebugString();
  const std::string row = "device || ' ' || device_id || ' ' || ts || ' ' || data::varchar";
  const std::vector<std::string> rows = Rows(row);
  EXPECT_EQ(rows.size(), static_cast<size_t>(kMessages));
  EXPECT_EQ(rows, Rows(row, "put"));
  ASSERT_OK_AND_ASSIGN(const v1::Stream stream, ingestion_->Get("s"));
  EXPECT_EQ(stream.statistics().dead_letter_records(), 0);
}

TEST_F(MqttPgTest, WhatIsNoRecordIsAmongTheDeadLetters) {
  ASSERT_OK(Create(Definition()));
  ASSERT_TRUE(WaitForState(v1::CONNECTOR_STATE_CONNECTED)) << Status().DebugString();
  ASSERT_TRUE(broker_.Publish("devices/d1/readings",
                              {R"({"n":1})", "23.5", "{broken", R"({"device":"other","n":2})"}));
  ASSERT_TRUE(WaitForMessages(4));
  EXPECT_THAT(Rows("device || ' ' || n"), ElementsAre("d1 1"));
  ASSERT_OK_AND_ASSIGN(const auto letters, ingestion_->DeadLetters("s"));
  std::set<std::string> reasons;
  for (const v1::DeadLetter& letter : letters.dead_letters()) reasons.insert(letter.reason());
  EXPECT_THAT(reasons, ElementsAre("DUPLICATE_FIELD", "INVALID_JSON", "NOT_AN_OBJECT"));
}

TEST_F(MqttPgTest, WhatIsWrongWithTheBrokerOrItsSecretsIsSaid) {
  v1::Connector connector = Definition();
  connector.mutable_mqtt()->set_password_file("missing");
  ASSERT_OK(Create(connector));
  EXPECT_TRUE(WaitForError("SECRET_FILE_MISSING: password_file")) << Status().DebugString();
  std::ofstream(broker_.secrets() / "wrong") << "wrong";
  fs::permissions(broker_.secrets() / "wrong", fs::perms::owner_read | fs::perms::owner_write);
  connector.mutable_mqtt()->set_password_file("wrong");
  ASSERT_OK(Update(connector));
  EXPECT_TRUE(WaitForError("MQTT_NOT_AUTHORIZED")) << Status().DebugString();
  connector = Definition();
  connector.mutable_mqtt()->set_ca_file("client.pem");
  ASSERT_OK(Update(connector));
  EXPECT_TRUE(WaitForError("MQTT_TLS")) << Status().DebugString();
  connector = Definition();
  connector.mutable_mqtt()->set_broker("127.0.0.1:1");
  ASSERT_OK(Update(connector));
  EXPECT_TRUE(WaitForError("MQTT_CONNECTION")) << Status().DebugString();
  connector = Definition();
  connector.set_stream("streams/none");
  ASSERT_OK(Update(connector));
  EXPECT_TRUE(WaitForError("STREAM_NOT_FOUND")) << Status().DebugString();
  EXPECT_EQ(Status().state(), v1::CONNECTOR_STATE_CONNECTING);
  ASSERT_OK(Update(Definition()));
  EXPECT_TRUE(WaitForState(v1::CONNECTOR_STATE_CONNECTED)) << Status().DebugString();
}

TEST_F(MqttPgTest, AnOwnerWhoMayNotWriteAnyMoreHasNoConnector) {
  ingestion_->tokens().SetRoles("ada", {"viewer"});
  ASSERT_OK(Create(Definition()));
  EXPECT_TRUE(WaitForError("OWNER_REFUSED")) << Status().DebugString();
  ingestion_->tokens().SetRoles("ada", {"editor"});
  EXPECT_TRUE(WaitForState(v1::CONNECTOR_STATE_CONNECTED)) << Status().DebugString();
}

TEST_F(MqttPgTest, TheBrokerKeepsMessagesForAPausedConnector) {
  ASSERT_OK(Create(Definition()));
  ASSERT_TRUE(WaitForState(v1::CONNECTOR_STATE_CONNECTED)) << Status().DebugString();
  v1::Connector paused = Definition();
  paused.set_paused(true);
  ASSERT_OK(Update(paused));
  ASSERT_TRUE(WaitForState(v1::CONNECTOR_STATE_PAUSED));
  ASSERT_TRUE(broker_.Publish("devices/d1/readings", Numbered(0, 50)));
  // The runner may have taken some before it learnt of its end; none is lost or taken twice.
  ASSERT_OK(Update(Definition()));
  ASSERT_TRUE(WaitForMessages(50)) << Status().DebugString();
  EXPECT_THAT(Rows("count(*) || ' ' || count(DISTINCT n)"), ElementsAre("50 50"));
}

TEST_F(MqttPgTest, MessagesArriveAcrossRestartsOfTheBroker) {
  ASSERT_OK(Create(Definition()));
  ASSERT_TRUE(WaitForState(v1::CONNECTOR_STATE_CONNECTED)) << Status().DebugString();
  ASSERT_TRUE(broker_.Publish("devices/d1/readings", Numbered(0, 300)));
  broker_.Stop(SIGTERM);
  EXPECT_TRUE(WaitForError("MQTT_CONNECTION")) << Status().DebugString();
  broker_.Start();
  ASSERT_TRUE(broker_.Publish("devices/d1/readings", Numbered(300, 600)));
  // Each arrives; one whose acknowledgement the broker did not see may arrive again.
  const auto distinct = [&] { return Rows("count(DISTINCT n)::varchar"); };
  EXPECT_TRUE(Eventually([&] { return distinct() == std::vector<std::string>{"600"}; }));
  EXPECT_TRUE(WaitForState(v1::CONNECTOR_STATE_CONNECTED));
  // Killed, the broker forgets the session as well: the connector subscribes anew.
  broker_.Stop(SIGKILL);
  ASSERT_TRUE(WaitForState(v1::CONNECTOR_STATE_CONNECTING));
  broker_.Start();
  ASSERT_TRUE(WaitForState(v1::CONNECTOR_STATE_CONNECTED));
  ASSERT_TRUE(broker_.Publish("devices/d1/readings", Numbered(600, 700)));
  EXPECT_TRUE(Eventually([&] { return distinct() == std::vector<std::string>{"700"}; }));
}

TEST_F(MqttPgTest, NoAcknowledgedMessageIsLostAndNoneIsTwiceWhereverIngestionIsKilled) {
  v1::Connector connector = Definition();
  connector.add_deduplication_fields("device");
  connector.add_deduplication_fields("n");
  ASSERT_OK(Create(connector));
  ASSERT_TRUE(WaitForState(v1::CONNECTOR_STATE_CONNECTED)) << Status().DebugString();
  ingestion_.reset();  // the child takes the log
  int next = 0;
  for (const char* point :
       {"ingestion.wal.after_write=abort+3", "ingestion.wal.after_flush=abort+3",
        "ingestion.mqtt.before_ack=abort+7"}) {
    const pid_t child = StartChild("mqtt_kill_child", point);
    int status = 0;
    // Messages come until it is hit: how many of them one flush takes is not ours to say.
    ASSERT_TRUE(Eventually([&] {
      EXPECT_TRUE(broker_.Publish("devices/d1/readings", Numbered(next, next + 20)));
      next += 20;
      return waitpid(child, &status, WNOHANG) == child;
    })) << point;
    EXPECT_TRUE(WIFSIGNALED(status)) << point << " was not reached";
  }
  // And at a moment that nobody chose, with messages on their way.
  const pid_t child = StartChild("mqtt_kill_child", "");
  ASSERT_TRUE(broker_.Publish("devices/d1/readings", Numbered(next, next + 500)));
  next += 500;
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  Restart();
  const std::string all = absl::StrCat(next, " ", next);
  EXPECT_TRUE(Eventually([&] {
    return Rows("count(*) || ' ' || count(DISTINCT n)") == std::vector<std::string>{all};
  })) << Status().DebugString();
}

TEST_F(MqttPgTest, AMessageThatCannotBeKeptIsTriedAgainAndHoldsTheOthersBack) {
  ConnectionOptions options;
  options.host = "localhost";
  options.port = std::to_string(broker_.port());
  options.tls = true;
  const auto read = [&](const char* name) {
    std::ifstream in(broker_.secrets() / name);
    return std::string(std::istreambuf_iterator<char>(in), {});
  };
  options.ca = read("ca.pem");
  options.certificate = read("client.pem");
  options.key = read("client.key");
  options.client_id = "test";
  options.user = Mosquitto::kUser;
  options.password = Mosquitto::kPassword;
  options.topic_filter = "t/#";
  options.store_retry_pause = absl::Milliseconds(1);
  std::atomic<bool> subscribed = false;
  std::atomic<int> refusals = 0;
  std::atomic<int> kept = 0;
  Connection connection(options,
                        {.on_subscribed = [&] { subscribed = true; },
                         .store =
                             [&](std::string_view, std::string_view, Connection::Done done) {
                               if (refusals < 50) {
                                 ++refusals;
                                 return done(ResourceExhausted("WAL_FULL", "full"));
                               }
                               ++kept;
                               done(absl::OkStatus());
                             },
                         .on_delay = [](const absl::Status&) {}});
  absl::Status ended;
  std::thread thread([&] { ended = connection.Run(); });
  EXPECT_TRUE(Eventually([&] { return subscribed.load(); }));
  EXPECT_TRUE(broker_.Publish("t/x", Numbered(0, 200)));
  EXPECT_TRUE(Eventually([&] { return kept == 200; }));
  connection.Stop();
  thread.join();
  EXPECT_OK(ended);
  EXPECT_EQ(refusals, 50);
}

TEST_F(MqttPgTest, AConnectorIsChangedAndRemovedByTheRules) {
  ASSERT_OK_AND_ASSIGN(const v1::Connector made, Create(Definition()));
  EXPECT_THAT(Create(Definition()), StatusIs(absl::StatusCode::kAlreadyExists, "CONNECTOR_EXISTS"));
  v1::Connector change = Definition();
  change.set_comment("readings");
  ASSERT_OK_AND_ASSIGN(const v1::Connector changed, Update(change));
  EXPECT_NE(changed.etag(), made.etag());
  EXPECT_EQ(Update(change)->etag(), changed.etag());
  change.set_etag(made.etag());
  EXPECT_THAT(Update(change), StatusIs(absl::StatusCode::kAborted, "ETAG_MISMATCH"));
  v1::ListConnectorsRequest list;
  EXPECT_EQ(Call<v1::ListConnectorsResponse>(&Stub::ListConnectors, list)->connectors_size(), 1);
  v1::DeleteConnectorRequest remove;
  remove.set_name("connectors/c");
  ASSERT_OK(Call<v1::DeleteConnectorResponse>(&Stub::DeleteConnector, remove));
  EXPECT_THAT(Call<v1::DeleteConnectorResponse>(&Stub::DeleteConnector, remove),
              StatusIs(absl::StatusCode::kNotFound, "CONNECTOR_NOT_FOUND", HasSubstr("\"c\"")));
}

}  // namespace
}  // namespace tarn::ingestion::mqtt

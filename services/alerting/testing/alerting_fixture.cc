#include "services/alerting/testing/alerting_fixture.h"

#include <absl/time/clock.h>

#include "common/events/event.h"
#include "common/failpoint/failpoint.h"
#include "common/server/module_context.h"
#include "common/status/status_macros.h"
#include "common/testing/status_matchers.h"
#include "services/alerting/alerting_module.h"
#include "services/alerting/migrations.h"

namespace tarn::alerting {
namespace {

absl::Status Migrate(PostgresPool& pool) {
  TARN_RETURN_IF_ERROR(events::Migrate(pool));
  return ApplyMigrations(pool, "alerting", Migrations());
}

}  // namespace

AlertingFixture::AlertingFixture() : db_(Migrate) {
  options_.poll_interval = absl::Milliseconds(20);
  options_.http_timeout = absl::Milliseconds(900);
  options_.lease_time = absl::Seconds(1);
  options_.allowed_hosts = {"127.0.0.1"};  // where the receiver is
  options_.secret_folder = dir_.path();
  SetRows({});
  Start();
}

AlertingFixture::~AlertingFixture() {
  failpoint::DisarmAll();
  query_.Release();
  Stop();
}

void AlertingFixture::Start() {
  host_ = std::make_unique<server::ModuleHost>(services_);
  server::ModuleContext context{.services = services_,
                                .verifier = authority_.verifier(),
                                .tokens = tokens_,
                                .metrics = metrics_,
                                .clock = clock_,
                                .gate = host_->GateFor("alerting"),
                                .postgres_dsn = db_.dsn(),
                                .lake_path = dir_.path(),
                                .state_path = dir_.path(),
                                .service_key_file = ""};
  auto module = AlertingModule::Create(options_, context);
  ASSERT_OK(module);
  host_->Add(std::make_unique<FakeQueryModule>(query_), {.module = "query"});
  host_->Add(*std::move(module), {.module = "alerting"});
  ASSERT_OK(host_->Start());
  stub_ = v1::AlertingService::NewStub(services_.ChannelFor("alerting"));
}

void AlertingFixture::Stop() {
  if (host_ != nullptr) host_->Stop(absl::Seconds(5));
  stub_.reset();
  host_.reset();
}

v1::Channel AlertingFixture::OpsChannel() const {
  v1::Channel channel;
  channel.set_name("channels/ops");
  channel.mutable_webhook()->set_url(receiver_.url());
  return channel;
}

v1::Rule AlertingFixture::CoRule() const {
  v1::Rule rule;
  rule.set_name("rules/co");
  rule.set_sql("SELECT device, co FROM iot.messages");
  rule.mutable_condition()->set_column("co");
  rule.mutable_condition()->set_operator_(v1::COMPARISON_OPERATOR_GREATER);
  rule.mutable_condition()->set_threshold(0.01);
  rule.mutable_schedule()->set_cron("@every 60s");
  rule.add_channels("channels/ops");
  return rule;
}

absl::StatusOr<v1::Rule> AlertingFixture::CreateRule(const v1::Rule& rule) {
  v1::CreateRuleRequest request;
  *request.mutable_rule() = rule;
  return Call(&Stub::CreateRule, request);
}

absl::StatusOr<v1::Channel> AlertingFixture::CreateChannel(const v1::Channel& channel) {
  v1::CreateChannelRequest request;
  *request.mutable_channel() = channel;
  return Call(&Stub::CreateChannel, request);
}

absl::StatusOr<v1::Evaluation> AlertingFixture::Evaluate(const std::string& rule) {
  v1::EvaluateRuleRequest request;
  request.set_name(rule);
  return Call(&Stub::EvaluateRule, request);
}

absl::StatusOr<v1::Rule> AlertingFixture::GetRule(const std::string& name) {
  v1::GetRuleRequest request;
  request.set_name(name);
  return Call(&Stub::GetRule, request);
}

std::vector<v1::Delivery> AlertingFixture::Deliveries() {
  v1::ListDeliveriesRequest request;
  request.set_parent("channels/-");
  auto response = Call(&Stub::ListDeliveries, request);
  EXPECT_OK(response);
  if (!response.ok()) return {};
  return {response->deliveries().begin(), response->deliveries().end()};
}

void AlertingFixture::SetRows(std::vector<std::string> rows) {
  query_.AnswerWith({.columns = {{"device", "string"}, {"co", "double"}}, .rows = std::move(rows)});
}

int64_t AlertingFixture::Count(const std::string& sql) {
  auto count = db_.pool().Run([&](Transaction& txn) -> absl::StatusOr<int64_t> {
    return txn.Exec(sql).One().Get<int64_t>(0);
  });
  EXPECT_OK(count);
  return count.value_or(-1);
}

bool AlertingFixture::Eventually(const std::function<bool()>& done) {
  const absl::Time deadline = absl::Now() + absl::Seconds(20);
  while (absl::Now() < deadline) {
    if (done()) return true;
    absl::SleepFor(absl::Milliseconds(10));
  }
  return done();
}

}  // namespace tarn::alerting

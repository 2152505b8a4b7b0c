// Rules, their evaluation and their alerts, over gRPC on a real PostgreSQL.
#include <absl/time/clock.h>
#include <nlohmann/json.hpp>

#include "common/failpoint/failpoint.h"
#include "common/proto_json/manifest.h"
#include "common/status/error.h"
#include "common/testing/status_matchers.h"
#include "common/testing/test_data.h"
#include "services/alerting/testing/alerting_fixture.h"

namespace tarn::alerting {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class RulesPgTest : public AlertingFixture {
 protected:
  void MakeChannelAndRule() {
    ASSERT_OK(CreateChannel(OpsChannel()));
    ASSERT_OK(CreateRule(CoRule()));
  }
  absl::StatusOr<v1::Rule> Update(const v1::Rule& rule, const std::string& token = "") {
    v1::UpdateRuleRequest request;
    *request.mutable_rule() = rule;
    return Call(&Stub::UpdateRule, request, token);
  }
};

// The manifests of the Smart Hub example, to another receiver.
TEST_F(RulesPgTest, TheExampleFiresForTheOneDeviceAndTellsTheChannel) {
  ASSERT_OK_AND_ASSIGN(
      std::vector<proto_json::Manifest> manifests,
      proto_json::ParseManifests(ReadTestData("docs/examples/smart-hub/05-alerting.yaml"),
                                 "05-alerting.yaml"));
  ASSERT_THAT(manifests, SizeIs(2));
  v1::Channel channel;
  ASSERT_OK(proto_json::SpecToProto(manifests[0], &channel));
  channel.set_name("channels/" + manifests[0].name);
  channel.mutable_webhook()->set_url(receiver_.url());
  ASSERT_OK(CreateChannel(channel));
  v1::Rule rule;
  ASSERT_OK(proto_json::SpecToProto(manifests[1], &rule));
  rule.set_name("rules/" + manifests[1].name);
  ASSERT_OK(CreateRule(rule));

  SetRows({R"(["iot-device-01", 0.0112])", R"(["iot-device-02", 0.004])", R"(["x", null])"});
  ASSERT_OK_AND_ASSIGN(v1::Evaluation evaluation, Evaluate(rule.name()));
  EXPECT_EQ(evaluation.state(), common::v1::EXECUTION_STATE_SUCCEEDED);
  EXPECT_EQ(evaluation.row_count(), 3);
  ASSERT_EQ(evaluation.alerts_size(), 3);
  EXPECT_EQ(evaluation.alerts(0).labels().at("device"), "iot-device-01");
  EXPECT_EQ(evaluation.alerts(0).state(), v1::ALERT_STATE_FIRING);
  EXPECT_EQ(evaluation.alerts(0).severity(), v1::SEVERITY_CRITICAL);
  EXPECT_EQ(evaluation.alerts(1).state(), v1::ALERT_STATE_OK);

  auto posts = receiver_.WaitFor(1);
  ASSERT_THAT(posts, SizeIs(1));
  auto body = nlohmann::json::parse(posts[0].body);
  EXPECT_EQ(body["id"], posts[0].headers["x-tarn-delivery"]);
  EXPECT_EQ(body["kind"], "alert");
  EXPECT_EQ(body["rule"], "rules/carbon-monoxide");
  EXPECT_EQ(body["state"], "firing");
  EXPECT_EQ(body["severity"], "critical");
  EXPECT_EQ(body["labels"]["device"], "iot-device-01");
  EXPECT_EQ(body["value"], 0.0112);
  EXPECT_EQ(body["message"], "Carbon monoxide of iot-device-01 reached 0.0112, above 0.01");

  // Still firing tells nobody; resolved tells once.
  ASSERT_OK(Evaluate(rule.name()));
  SetRows({R"(["iot-device-01", 0.002])"});
  ASSERT_OK(Evaluate(rule.name()));
  posts = receiver_.WaitFor(2);
  ASSERT_THAT(posts, SizeIs(2));
  EXPECT_EQ(nlohmann::json::parse(posts[1].body)["state"], "resolved");
  EXPECT_EQ(Count("SELECT count(*) FROM events.outbox WHERE type = 'tarn.alerting.alert.firing' "
                  "AND subject = 'rules/carbon-monoxide'"),
            1);
  EXPECT_EQ(Count("SELECT count(*) FROM events.outbox WHERE type = 'tarn.alerting.alert.resolved'"),
            1);
  EXPECT_EQ(Count("SELECT count(*) FROM alerting.transitions"), 2);
}

TEST_F(RulesPgTest, ARuleIsEvaluatedOnItsScheduleAndWhatWasMissedOnce) {
  MakeChannelAndRule();
  EXPECT_THAT(query_.calls(), IsEmpty());
  clock_.Advance(absl::Seconds(61));
  ASSERT_TRUE(query_.WaitForCalls(1));
  ASSERT_TRUE(Eventually([&] { return GetRule()->has_last_evaluation_time(); }));
  Stop();
  clock_.Advance(absl::Hours(3));
  Start();
  ASSERT_TRUE(query_.WaitForCalls(2));
  ASSERT_TRUE(Eventually([&] {
    return Count(
               "SELECT count(*) FROM alerting.rules WHERE lease_holder IS NULL AND "
               "next_evaluation_time > '" +
               absl::FormatTime(clock_.Now()) + "'") == 1;
  }));
  EXPECT_THAT(query_.calls(), SizeIs(2));
  EXPECT_EQ(query_.calls()[1].user, "ada");
  EXPECT_EQ(query_.calls()[1].workspace, "default");
  EXPECT_EQ(query_.calls()[1].statement.source(), "rules/co");
  EXPECT_EQ(query_.calls()[1].statement.limits().max_rows(), 1000);
}

TEST_F(RulesPgTest, APausedRuleRestsButCanBeEvaluatedByHand) {
  ASSERT_OK(CreateChannel(OpsChannel()));
  v1::Rule rule = CoRule();
  rule.set_paused(true);
  ASSERT_OK(CreateRule(rule));
  ASSERT_OK(CreateRule([&] {
    v1::Rule other = CoRule();
    other.set_name("rules/other");
    return other;
  }()));
  clock_.Advance(absl::Minutes(5));
  ASSERT_TRUE(query_.WaitForCalls(1));
  EXPECT_EQ(query_.calls()[0].statement.source(), "rules/other");
  ASSERT_OK(Evaluate());
  EXPECT_EQ(query_.calls().back().statement.source(), "rules/co");
}

TEST_F(RulesPgTest, AnAlertWaitsInPendingAsLongAsTheRuleSays) {
  ASSERT_OK(CreateChannel(OpsChannel()));
  v1::Rule rule = CoRule();
  rule.set_paused(true);
  rule.mutable_for_()->set_seconds(60);
  ASSERT_OK(CreateRule(rule));
  SetRows({R"(["a", 1])"});
  EXPECT_EQ(Evaluate()->alerts(0).state(), v1::ALERT_STATE_PENDING);
  clock_.Advance(absl::Seconds(59));
  EXPECT_EQ(Evaluate()->alerts(0).state(), v1::ALERT_STATE_PENDING);
  EXPECT_THAT(Deliveries(), IsEmpty());
  clock_.Advance(absl::Seconds(1));
  EXPECT_EQ(Evaluate()->alerts(0).state(), v1::ALERT_STATE_FIRING);
  EXPECT_THAT(Deliveries(), SizeIs(1));
  EXPECT_EQ(GetRule()->firing_count(), 1);
  // Its row is gone.
  SetRows({});
  EXPECT_EQ(Evaluate()->alerts(0).state(), v1::ALERT_STATE_OK);
  EXPECT_THAT(Deliveries(), SizeIs(2));
  v1::ListAlertTransitionsRequest request;
  request.set_parent("rules/-");
  request.set_page_size(2);
  ASSERT_OK_AND_ASSIGN(auto page, Call(&Stub::ListAlertTransitions, request));
  ASSERT_EQ(page.transitions_size(), 2);
  EXPECT_EQ(page.transitions(0).to_state(), v1::ALERT_STATE_OK);
  EXPECT_EQ(page.transitions(1).to_state(), v1::ALERT_STATE_FIRING);
  request.set_page_token(page.next_page_token());
  ASSERT_OK_AND_ASSIGN(page, Call(&Stub::ListAlertTransitions, request));
  ASSERT_EQ(page.transitions_size(), 1);
  EXPECT_EQ(page.transitions(0).to_state(), v1::ALERT_STATE_PENDING);
  EXPECT_EQ(page.next_page_token(), "");
}

TEST_F(RulesPgTest, AFailedEvaluationKeepsTheAlertsAndSaysWhy) {
  MakeChannelAndRule();
  SetRows({R"(["a", 1])"});
  ASSERT_OK(Evaluate());
  query_.AnswerWith({.columns = {{"device", "string"}}, .rows = {R"(["a"])"}});
  ASSERT_OK_AND_ASSIGN(v1::Evaluation evaluation, Evaluate());
  EXPECT_EQ(evaluation.state(), common::v1::EXECUTION_STATE_FAILED);
  EXPECT_EQ(evaluation.error().reason(), "COLUMN_NOT_FOUND");
  ASSERT_EQ(evaluation.alerts_size(), 1);
  EXPECT_EQ(evaluation.alerts(0).state(), v1::ALERT_STATE_FIRING);
  EXPECT_THAT(GetRule()->last_error(), HasSubstr("no column co"));
  query_.FailWith(InvalidArgument("RESULT_TOO_LARGE", "too many"));
  EXPECT_THAT(Evaluate()->error().message(), HasSubstr("aggregate or filter"));
  tokens_.FailWith(NotFound("USER_NOT_FOUND", "ada is gone"));
  EXPECT_EQ(Evaluate()->error().reason(), "USER_NOT_FOUND");
  tokens_.FailWith(absl::OkStatus());
  SetRows({R"(["a", 1])"});
  ASSERT_OK(Evaluate());
  EXPECT_EQ(GetRule()->last_error(), "");
  EXPECT_EQ(Count("SELECT count(*) FROM alerting.transitions"), 1);
}

TEST_F(RulesPgTest, AnOutageOfQueryIsTriedAgainSoon) {
  ASSERT_OK(CreateChannel(OpsChannel()));
  v1::Rule rule = CoRule();
  rule.mutable_schedule()->set_cron("@daily");
  ASSERT_OK(CreateRule(rule));
  query_.FailWith(Unavailable("MODULE_NOT_SERVING", "query is starting"));
  clock_.Advance(absl::Hours(25));
  ASSERT_TRUE(Eventually([&] { return GetRule()->last_error() != ""; }));
  SetRows({});
  clock_.Advance(absl::Seconds(6));
  EXPECT_TRUE(Eventually([&] { return GetRule()->last_error().empty(); }));
}

TEST_F(RulesPgTest, AKillBeforeTheCommitLeavesNothingAndAnotherTakesOver) {
  MakeChannelAndRule();
  SetRows({R"(["a", 1])"});
  failpoint::ScopedFailpoint kill("alerting.evaluation.in_commit", "error(INTERNAL)*1");
  clock_.Advance(absl::Seconds(61));
  ASSERT_TRUE(Eventually([&] { return kill.hit_count() == 1; }));
  EXPECT_EQ(Count("SELECT count(*) FROM alerting.transitions"), 0);
  EXPECT_EQ(Count("SELECT count(*) FROM events.outbox"), 0);
  // When the lease is over, once.
  ASSERT_TRUE(Eventually([&] { return GetRule()->has_last_evaluation_time(); }));
  EXPECT_THAT(receiver_.WaitFor(1), SizeIs(1));
  EXPECT_EQ(Count("SELECT count(*) FROM events.outbox"), 1);
  EXPECT_THAT(Deliveries(), SizeIs(1));
}

TEST_F(RulesPgTest, AResultForARuleThatWasChangedMeanwhileIsDropped) {
  MakeChannelAndRule();
  SetRows({R"(["a", 1])"});
  query_.Hold();
  absl::StatusOr<v1::Evaluation> evaluation;
  std::thread evaluating([&] { evaluation = Evaluate(); });
  ASSERT_TRUE(query_.WaitForCalls(1));
  v1::Rule rule = CoRule();
  rule.mutable_condition()->set_threshold(5);
  absl::StatusOr<v1::Rule> updated = Update(rule);
  query_.Release();
  evaluating.join();
  ASSERT_OK(updated);
  EXPECT_THAT(evaluation, StatusIs(absl::StatusCode::kAborted, "RULE_CHANGED"));
  EXPECT_EQ(Count("SELECT count(*) FROM alerting.alerts"), 0);
  EXPECT_EQ(Evaluate()->alerts(0).state(), v1::ALERT_STATE_OK);
}

TEST_F(RulesPgTest, TheOwnerIsWhoLastChangedTheSql) {
  MakeChannelAndRule();
  const std::string bob = authority_.TokenFor(auth::TestCaller("bob"));
  v1::Rule rule = CoRule();
  rule.set_description("Carbon monoxide");
  EXPECT_EQ(Update(rule, bob)->owner(), "ada");
  rule.set_sql("SELECT device, co FROM secrets");
  EXPECT_EQ(Update(rule, bob)->owner(), "bob");
  ASSERT_OK(Evaluate());
  EXPECT_EQ(query_.calls().back().user, "bob");
}

TEST_F(RulesPgTest, AnUpdateThatChangesNothingKeepsTheEtag) {
  MakeChannelAndRule();
  ASSERT_OK_AND_ASSIGN(v1::Rule before, GetRule());
  clock_.Advance(absl::Seconds(1));
  ASSERT_OK_AND_ASSIGN(v1::Rule same, Update(CoRule()));
  EXPECT_EQ(same.etag(), before.etag());
  v1::UpdateRuleRequest request;
  request.mutable_rule()->set_name("rules/co");
  request.mutable_rule()->set_description("new");
  request.mutable_update_mask()->add_paths("description");
  ASSERT_OK_AND_ASSIGN(v1::Rule changed, Call(&Stub::UpdateRule, request));
  EXPECT_NE(changed.etag(), before.etag());
  EXPECT_EQ(changed.sql(), before.sql());
  EXPECT_EQ(changed.description(), "new");
  request.mutable_rule()->set_etag(before.etag());
  EXPECT_THAT(Call(&Stub::UpdateRule, request),
              StatusIs(absl::StatusCode::kAborted, "ETAG_MISMATCH"));
}

TEST_F(RulesPgTest, ACreateThatComesTwiceMakesOneRule) {
  ASSERT_OK(CreateChannel(OpsChannel()));
  v1::CreateRuleRequest request;
  *request.mutable_rule() = CoRule();
  request.set_request_id("r1");
  ASSERT_OK_AND_ASSIGN(v1::Rule first, Call(&Stub::CreateRule, request));
  ASSERT_OK_AND_ASSIGN(v1::Rule second, Call(&Stub::CreateRule, request));
  EXPECT_EQ(first.etag(), second.etag());
  EXPECT_THAT(CreateRule(CoRule()),
              StatusIs(absl::StatusCode::kAlreadyExists, "RULE_ALREADY_EXISTS"));
}

TEST_F(RulesPgTest, AChannelThatARuleNamesStays) {
  EXPECT_THAT(CreateRule(CoRule()), StatusIs(absl::StatusCode::kNotFound, "CHANNEL_NOT_FOUND"));
  MakeChannelAndRule();
  v1::DeleteChannelRequest request;
  request.set_name("channels/ops");
  EXPECT_THAT(
      Call(&Stub::DeleteChannel, request),
      StatusIs(absl::StatusCode::kFailedPrecondition, "CHANNEL_IN_USE", HasSubstr("rules/co")));
  v1::DeleteRuleRequest rule;
  rule.set_name("rules/co");
  ASSERT_OK(Call(&Stub::DeleteRule, rule));
  EXPECT_THAT(GetRule(), StatusIs(absl::StatusCode::kNotFound, "RULE_NOT_FOUND"));
  ASSERT_OK(Call(&Stub::DeleteChannel, request));
}

TEST_F(RulesPgTest, ListsArePagedByName) {
  ASSERT_OK(CreateChannel(OpsChannel()));
  for (const char* id : {"b", "c", "a"}) {
    v1::Rule rule = CoRule();
    rule.set_name(std::string("rules/") + id);
    ASSERT_OK(CreateRule(rule));
  }
  v1::ListRulesRequest request;
  request.set_page_size(2);
  ASSERT_OK_AND_ASSIGN(auto page, Call(&Stub::ListRules, request));
  ASSERT_EQ(page.rules_size(), 2);
  EXPECT_EQ(page.rules(1).name(), "rules/b");
  request.set_page_token(page.next_page_token());
  ASSERT_OK_AND_ASSIGN(page, Call(&Stub::ListRules, request));
  ASSERT_EQ(page.rules_size(), 1);
  EXPECT_EQ(page.rules(0).name(), "rules/c");
  EXPECT_EQ(page.next_page_token(), "");
}

TEST_F(RulesPgTest, AlertsAreListedFiringFirstAndAcknowledgedOnce) {
  MakeChannelAndRule();
  SetRows({R"(["a", 0])", R"(["b", 1])", R"(["c", 0])"});
  ASSERT_OK(Evaluate());
  v1::ListAlertsRequest request;
  request.set_parent("rules/-");
  request.set_page_size(1);
  ASSERT_OK_AND_ASSIGN(auto page, Call(&Stub::ListAlerts, request));
  ASSERT_EQ(page.alerts_size(), 1);
  EXPECT_EQ(page.alerts(0).labels().at("device"), "b");
  const std::string firing = page.alerts(0).name();
  request.set_page_size(5);
  request.set_page_token(page.next_page_token());
  ASSERT_OK_AND_ASSIGN(page, Call(&Stub::ListAlerts, request));
  ASSERT_EQ(page.alerts_size(), 2);
  v1::AcknowledgeAlertRequest acknowledge;
  acknowledge.set_name(page.alerts(0).name());
  EXPECT_THAT(Call(&Stub::AcknowledgeAlert, acknowledge),
              StatusIs(absl::StatusCode::kFailedPrecondition, "ALERT_NOT_FIRING"));
  acknowledge.set_name(firing);
  EXPECT_EQ(Call(&Stub::AcknowledgeAlert, acknowledge)->acknowledged_by(), "ada");
  const std::string bob = authority_.TokenFor(auth::TestCaller("bob"));
  EXPECT_EQ(Call(&Stub::AcknowledgeAlert, acknowledge, bob)->acknowledged_by(), "ada");
  acknowledge.set_name("rules/co/alerts/none");
  EXPECT_THAT(Call(&Stub::AcknowledgeAlert, acknowledge),
              StatusIs(absl::StatusCode::kNotFound, "ALERT_NOT_FOUND"));
}

TEST_F(RulesPgTest, AnotherWorkspaceSeesNothing) {
  MakeChannelAndRule();
  auth::Caller stranger = auth::TestCaller("eve");
  stranger.workspace = "other";
  const std::string token = authority_.TokenFor(stranger);
  v1::GetRuleRequest get;
  get.set_name("rules/co");
  EXPECT_THAT(Call(&Stub::GetRule, get, token),
              StatusIs(absl::StatusCode::kNotFound, "RULE_NOT_FOUND"));
  v1::ListRulesRequest list;
  EXPECT_EQ(Call(&Stub::ListRules, list, token)->rules_size(), 0);
  v1::EvaluateRuleRequest evaluate;
  evaluate.set_name("rules/co");
  EXPECT_THAT(Call(&Stub::EvaluateRule, evaluate, token),
              StatusIs(absl::StatusCode::kNotFound, "RULE_NOT_FOUND"));
}

TEST_F(RulesPgTest, AViewerReadsButDoesNotChange) {
  ASSERT_OK(CreateChannel(OpsChannel()));
  const std::string viewer = authority_.TokenFor(auth::TestCaller("vic", auth::kViewerRole));
  v1::CreateRuleRequest request;
  *request.mutable_rule() = CoRule();
  EXPECT_THAT(Call(&Stub::CreateRule, request, viewer),
              StatusIs(absl::StatusCode::kPermissionDenied, "ROLE_REQUIRED"));
  EXPECT_OK(Call(&Stub::ListRules, v1::ListRulesRequest(), viewer));
}

TEST_F(RulesPgTest, AThousandAlertsChangeInOneEvaluation) {
  MakeChannelAndRule();
  std::vector<std::string> rows;
  for (int i = 0; i < 1000; ++i) rows.push_back("[\"d" + std::to_string(i) + "\", 1]");
  SetRows(rows);
  EXPECT_EQ(Evaluate()->alerts_size(), 1000);
  EXPECT_EQ(Count("SELECT count(*) FROM alerting.deliveries"), 1000);
  rows.push_back(R"(["one more", 1])");
  SetRows(rows);
  EXPECT_EQ(Evaluate()->error().reason(), "RESULT_TOO_LARGE");
}

}  // namespace
}  // namespace tarn::alerting

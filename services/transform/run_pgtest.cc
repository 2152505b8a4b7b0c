// Runs from their start to their end: steps, order, failures, retries, stops.
#include <gmock/gmock.h>

#include "common/failpoint/failpoint.h"
#include "common/postgres/postgres_pool.h"
#include "common/rpc/client.h"
#include "common/rpc/status_conversion.h"
#include "common/status/error.h"
#include "common/testing/status_matchers.h"
#include "services/transform/run_store.h"
#include "services/transform/testing/transform_fixture.h"

namespace tarn::transform {
namespace {

using namespace tarn::common::v1;  // NOLINT: the states
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Script = FakeModules::Script;

class RunPgTest : public TransformFixture {};

constexpr char kOneStep[] = R"(steps { id: "only" sql { sql: "SELECT only" } } )";

TEST_F(RunPgTest, EveryKindOfStepDoesItsWork) {
  modules_.Expect("SELECT src", {Script{.row_count = 12}});
  modules_.Expect("crawlers/usage", {Script{.row_count = 7}});
  v1::Run run = RunToEnd(R"pb(
    parameters { name: "home" default_value: "h1" }
    parameters { name: "unused" default_value: "" }
    steps {
      id: "crawl"
      crawl { crawler: "crawlers/usage" }
    }
    steps {
      id: "load"
      depends_on: "crawl"
      sql { table: "d.t" partition_by: "dt" sql: "SELECT src WHERE h = ${home}" }
    }
    steps {
      id: "compact"
      depends_on: "load"
      compact { table: "d.t" }
    }
    steps {
      id: "check"
      depends_on: "load"
      check { sql: "SELECT bad" }
    }
    steps {
      id: "export"
      depends_on: "load"
      export { sql: "SELECT out" format: "csv" file_name: "out.csv" }
    }
    steps {
      id: "tell"
      depends_on: [ "check", "export" ]
      notify { channel: "channels/ops" message: "${pipeline} ${state} for ${home}" }
    })pb");
  EXPECT_EQ(run.state(), EXECUTION_STATE_SUCCEEDED) << run.DebugString();
  EXPECT_EQ(run.trigger(), "user/grace");
  EXPECT_EQ(run.owner(), "ada");
  for (const v1::StepRun& step : run.steps()) {
    EXPECT_EQ(step.state(), EXECUTION_STATE_SUCCEEDED) << step.DebugString();
    EXPECT_EQ(step.attempt(), 1);
    EXPECT_TRUE(step.times().has_end_time());
  }
  EXPECT_EQ(StepOf(run, "crawl").row_count(), 7);
  EXPECT_EQ(StepOf(run, "crawl").output(), "crawlers/usage/crawls/1");
  EXPECT_EQ(StepOf(run, "load").row_count(), 12);
  EXPECT_EQ(StepOf(run, "load").output(), "queries/2");
  EXPECT_EQ(StepOf(run, "export").output(), "2024-01-01/out.csv");
  EXPECT_THAT(StepOf(run, "compact").output(), HasSubstr("databases/d/tables/t/jobs/"));

  ASSERT_EQ(modules_.StartedOf("SELECT src").size(), 1u);
  FakeModules::Started load = modules_.StartedOf("SELECT src")[0];
  EXPECT_EQ(load.statement.sql(),
            "CREATE OR REPLACE TABLE d.t PARTITIONED BY (dt) AS\nSELECT src WHERE h = $home");
  EXPECT_EQ(load.statement.parameters().size(), 1u);
  EXPECT_EQ(load.statement.parameters().at("home").string_value(), "h1");
  EXPECT_EQ(load.statement.source(), run.name() + "/load");
  const std::string run_id = run.name().substr(run.name().rfind('/') + 1);
  EXPECT_EQ(load.request_id, "run:" + run_id + ":load:1");
  // Everything is done as the pipeline's owner, whoever started the run.
  for (const FakeModules::Started& started : modules_.started()) EXPECT_EQ(started.user, "ada");
  EXPECT_EQ(modules_.StartedOf("channels/ops")[0].message, "pipelines/p SUCCEEDED for h1");
  EXPECT_THAT(RunEvents(),
              ElementsAre("tarn.transform.run.started", "tarn.transform.run.succeeded"));
}

TEST_F(RunPgTest, OverwritingPartitionsMakesTheTableOnce) {
  const char* text = R"(steps { id: "a" sql { table: "d.t" mode: WRITE_MODE_OVERWRITE_PARTITIONS
                                              partition_by: "dt" sql: "SELECT src" } })";
  RunToEnd(text);
  modules_.AddTable("databases/d/tables/t");
  ASSERT_OK_AND_ASSIGN(v1::Run again, StartRun());
  Await(again.name());
  std::vector<FakeModules::Started> started = modules_.StartedOf("SELECT src");
  ASSERT_EQ(started.size(), 2u);
  EXPECT_EQ(started[0].statement.sql(), "CREATE TABLE d.t PARTITIONED BY (dt) AS\nSELECT src");
  EXPECT_EQ(started[1].statement.sql(), "INSERT OVERWRITE d.t\nSELECT src");
}

TEST_F(RunPgTest, StepsThatDoNotDependOnEachOtherRunAtTheSameTime) {
  modules_.Expect("SELECT a", {Script{.blocks = true}});
  modules_.Expect("SELECT b", {Script{.blocks = true}});
  ASSERT_OK(Create(PipelineOf(R"(
      steps { id: "a" sql { sql: "SELECT a" } }
      steps { id: "b" sql { sql: "SELECT b" } }
      steps { id: "c" depends_on: ["a", "b"] sql { sql: "SELECT c" } })")));
  ASSERT_OK_AND_ASSIGN(v1::Run run, StartRun());
  EXPECT_TRUE(modules_.WaitForStarted("SELECT a", 1));
  EXPECT_TRUE(modules_.WaitForStarted("SELECT b", 1));
  EXPECT_TRUE(modules_.StartedOf("SELECT c").empty());
  modules_.Release("SELECT a");
  modules_.Release("SELECT b");
  EXPECT_EQ(Await(run.name()).state(), EXECUTION_STATE_SUCCEEDED);
}

TEST_F(RunPgTest, AFailureCancelsWhatDependsOnItAndTheNotificationStillGoesOut) {
  modules_.Expect("SELECT bad", {Script{.state = EXECUTION_STATE_FAILED,
                                        .reason = "SQL_ERROR",
                                        .message = "no such column"}});
  v1::Run run = RunToEnd(R"(
      steps { id: "bad" sql { sql: "SELECT bad" } }
      steps { id: "after" depends_on: "bad" sql { sql: "SELECT after" } }
      steps { id: "beside" sql { sql: "SELECT beside" } }
      steps { id: "tell" depends_on: ["after", "beside"] run_always: true
              notify { channel: "channels/ops" message: "${state}: ${error}" } })");
  EXPECT_EQ(run.state(), EXECUTION_STATE_FAILED);
  EXPECT_EQ(run.error().reason(), "SQL_ERROR");
  EXPECT_EQ(run.error().message(), "step bad: no such column");
  EXPECT_EQ(run.error().metadata().at("step"), "bad");
  EXPECT_EQ(StepOf(run, "after").state(), EXECUTION_STATE_CANCELLED);
  EXPECT_EQ(StepOf(run, "after").error().reason(), "UPSTREAM_FAILED");
  EXPECT_EQ(StepOf(run, "beside").state(), EXECUTION_STATE_SUCCEEDED);
  EXPECT_EQ(StepOf(run, "tell").state(), EXECUTION_STATE_SUCCEEDED);
  EXPECT_EQ(modules_.StartedOf("channels/ops")[0].message, "FAILED: no such column");
  EXPECT_THAT(RunEvents(), ElementsAre("tarn.transform.run.started", "tarn.transform.run.failed"));
}

TEST_F(RunPgTest, ACheckFailsWithTheRowsThatBreakIt) {
  modules_.Expect("SELECT bad", {Script{.rows = {"[1]", "[2]", "[3]", "[4]", "[5]", "[6]"}}});
  v1::Run run =
      RunToEnd(R"(steps { id: "check" check { sql: "SELECT bad" message: "a rate is missing" } })");
  EXPECT_EQ(run.state(), EXECUTION_STATE_FAILED);
  EXPECT_EQ(run.error().reason(), "CHECK_FAILED");
  EXPECT_THAT(run.error().message(), HasSubstr("a rate is missing: 6 row(s)"));
  EXPECT_THAT(run.error().message(), HasSubstr("(a)\n[1]\n[2]\n[3]\n[4]\n[5]"));
  EXPECT_EQ(run.error().message().find("[6]"), std::string::npos);
  EXPECT_EQ(StepOf(run, "check").row_count(), 6);
}

TEST_F(RunPgTest, AStepIsTriedAgainAfterItsBackoff) {
  Script failed{.state = EXECUTION_STATE_FAILED, .reason = "OUT_OF_MEMORY", .message = "full"};
  modules_.Expect("SELECT only", {failed, failed, Script{}});
  ASSERT_OK(Create(PipelineOf(R"(steps { id: "only" sql { sql: "SELECT only" }
      retry { max_attempts: 3 initial_backoff { seconds: 60 } } })")));
  ASSERT_OK_AND_ASSIGN(v1::Run run, StartRun());
  for (size_t attempt = 1; attempt <= 2; ++attempt) {
    ASSERT_TRUE(Eventually([&] {
      const v1::Run now = *GetRun(run.name());
      const v1::StepRun& step = now.steps(0);
      return step.attempt() == static_cast<int>(attempt) && step.state() == EXECUTION_STATE_QUEUED;
    }));
    // It waits for its time.
    clock_.Advance(absl::Seconds(59));
    EXPECT_EQ(modules_.started().size(), attempt);
    clock_.Advance(absl::Seconds(attempt * 90));
  }
  v1::Run ended = Await(run.name());
  EXPECT_EQ(ended.state(), EXECUTION_STATE_SUCCEEDED);
  EXPECT_EQ(ended.steps(0).attempt(), 3);
  // Three queries, but what they write is written once.
  const auto queries = modules_.started();
  ASSERT_EQ(queries.size(), 3u);
  EXPECT_NE(queries[0].request_id, queries[2].request_id);
  EXPECT_FALSE(queries[0].statement.commit_key().empty());
  EXPECT_EQ(queries[0].statement.commit_key(), queries[2].statement.commit_key());
  EXPECT_FALSE(ended.steps(0).has_error());
  std::vector<FakeModules::Started> started = modules_.started();
  ASSERT_EQ(started.size(), 3u);
  EXPECT_THAT(started[2].request_id, HasSubstr(":only:3"));
}

TEST_F(RunPgTest, AnAttemptThatTakesTooLongIsCancelledAndTimedOut) {
  modules_.Expect("SELECT only", {Script{.blocks = true}});
  ASSERT_OK(Create(
      PipelineOf(R"(steps { id: "only" sql { sql: "SELECT only" } timeout { seconds: 60 } })")));
  ASSERT_OK_AND_ASSIGN(v1::Run run, StartRun());
  ASSERT_TRUE(modules_.WaitForStarted("SELECT only", 1));
  clock_.Advance(absl::Seconds(61));
  v1::Run ended = Await(run.name());
  EXPECT_EQ(ended.state(), EXECUTION_STATE_FAILED);
  EXPECT_EQ(ended.error().reason(), "STEP_TIMED_OUT");
  EXPECT_EQ(ended.steps(0).state(), EXECUTION_STATE_TIMED_OUT);
  EXPECT_TRUE(modules_.started()[0].cancelled);
}

TEST_F(RunPgTest, AStopCancelsWhatRunsAndWhatWaits) {
  modules_.Expect("SELECT a", {Script{.blocks = true}});
  modules_.Expect("crawlers/c", {Script{.blocks = true}});
  ASSERT_OK(Create(PipelineOf(R"(
      steps { id: "a" sql { sql: "SELECT a" } }
      steps { id: "c" crawl { crawler: "crawlers/c" } }
      steps { id: "b" depends_on: "a" sql { sql: "SELECT b" } })")));
  ASSERT_OK_AND_ASSIGN(v1::Run run, StartRun());
  ASSERT_TRUE(modules_.WaitForStarted("SELECT a", 1));
  ASSERT_TRUE(modules_.WaitForStarted("crawlers/c", 1));
  v1::StopRunRequest request;
  request.set_name(run.name());
  ASSERT_OK(rpc::Call(process().stub(), &v1::TransformService::Stub::StopRun, request, As("ada")));
  v1::Run ended = Await(run.name());
  EXPECT_EQ(ended.state(), EXECUTION_STATE_CANCELLED);
  EXPECT_EQ(ended.error().reason(), "RUN_STOPPED");
  for (const v1::StepRun& step : ended.steps()) {
    EXPECT_EQ(step.state(), EXECUTION_STATE_CANCELLED) << step.DebugString();
  }
  for (const FakeModules::Started& started : modules_.started()) EXPECT_TRUE(started.cancelled);
  EXPECT_EQ(modules_.started().size(), 2u);
  EXPECT_THAT(RunEvents(),
              ElementsAre("tarn.transform.run.started", "tarn.transform.run.cancelled"));
  // Once more changes nothing.
  ASSERT_OK(rpc::Call(process().stub(), &v1::TransformService::Stub::StopRun, request, As("ada")));
}

TEST_F(RunPgTest, RunsOfAPipelineQueueAndOneThatWaitsCanBeStopped) {
  modules_.Expect("SELECT only", {Script{.blocks = true}});
  ASSERT_OK(Create(PipelineOf(kOneStep)));
  ASSERT_OK_AND_ASSIGN(v1::Run first, StartRun());
  ASSERT_OK_AND_ASSIGN(v1::Run second, StartRun());
  ASSERT_OK_AND_ASSIGN(v1::Run third, StartRun());
  ASSERT_TRUE(modules_.WaitForStarted("SELECT only", 1));
  v1::StopRunRequest request;
  request.set_name(second.name());
  ASSERT_OK_AND_ASSIGN(
      v1::Run stopped,
      rpc::Call(process().stub(), &v1::TransformService::Stub::StopRun, request, As("ada")));
  EXPECT_EQ(stopped.state(), EXECUTION_STATE_CANCELLED);
  ASSERT_OK_AND_ASSIGN(v1::Run waiting, GetRun(third.name()));
  EXPECT_EQ(waiting.state(), EXECUTION_STATE_QUEUED);
  v1::DeletePipelineRequest remove;
  remove.set_name("pipelines/p");
  EXPECT_THAT(
      rpc::Call(process().stub(), &v1::TransformService::Stub::DeletePipeline, remove, As("ada")),
      StatusIs(absl::StatusCode::kFailedPrecondition, "RUN_ACTIVE"));
  modules_.Release("SELECT only");
  EXPECT_EQ(Await(first.name()).state(), EXECUTION_STATE_SUCCEEDED);
  EXPECT_EQ(Await(third.name()).state(), EXECUTION_STATE_SUCCEEDED);
  EXPECT_EQ(modules_.started().size(), 2u);
  ASSERT_OK(
      rpc::Call(process().stub(), &v1::TransformService::Stub::DeletePipeline, remove, As("ada")));
  EXPECT_THAT(GetRun(first.name()), StatusIs(absl::StatusCode::kNotFound, "RUN_NOT_FOUND"));
}

TEST_F(RunPgTest, AModuleThatIsAwayIsWaitedFor) {
  modules_.FailCalls(3, absl::UnavailableError("starting"));
  EXPECT_EQ(RunToEnd(kOneStep).state(), EXECUTION_STATE_SUCCEEDED);
}

TEST_F(RunPgTest, AStartWhoseAnswerWasLostIsTheSameWork) {
  modules_.LoseAnswers(2);
  EXPECT_EQ(RunToEnd(kOneStep).state(), EXECUTION_STATE_SUCCEEDED);
  EXPECT_EQ(modules_.started().size(), 1u);
}

TEST_F(RunPgTest, WorkWhoseStartWasNeverAnsweredIsCancelledWithItsStep) {
  modules_.Expect("SELECT only", {Script{.blocks = true}});
  ASSERT_OK(Create(
      PipelineOf(R"(steps { id: "only" sql { sql: "SELECT only" } timeout { seconds: 60 } })")));
  modules_.LoseAnswers(1'000'000);
  ASSERT_OK_AND_ASSIGN(v1::Run run, StartRun());
  ASSERT_TRUE(modules_.WaitForStarted("SELECT only", 1));
  clock_.Advance(absl::Seconds(61));
  modules_.LoseAnswers(2);  // then the module is well again
  v1::Run ended = Await(run.name());
  EXPECT_EQ(ended.error().reason(), "STEP_TIMED_OUT");
  EXPECT_EQ(ended.steps(0).state(), EXECUTION_STATE_TIMED_OUT);
  ASSERT_EQ(modules_.started().size(), 1u);
  EXPECT_TRUE(modules_.started()[0].cancelled);
  EXPECT_EQ(ended.steps(0).output(), modules_.started()[0].name);
}

TEST_F(RunPgTest, ACompactionIsCancelledWithItsRun) {
  modules_.Expect("tables/t", {Script{.blocks = true}});
  ASSERT_OK(Create(PipelineOf(R"(steps { id: "c" compact { table: "d.t" } })")));
  ASSERT_OK_AND_ASSIGN(v1::Run run, StartRun());
  ASSERT_TRUE(modules_.WaitForStarted("tables/t", 1));
  v1::StopRunRequest request;
  request.set_name(run.name());
  ASSERT_OK(rpc::Call(process().stub(), &v1::TransformService::Stub::StopRun, request, As("ada")));
  EXPECT_EQ(Await(run.name()).state(), EXECUTION_STATE_CANCELLED);
  EXPECT_TRUE(modules_.started()[0].cancelled);
}

TEST_F(RunPgTest, AnOwnerWhoIsGoneFailsTheStep) {
  ASSERT_OK(Create(PipelineOf(kOneStep)));
  tokens_.FailWith(PermissionDenied("USER_DISABLED", "ada is disabled"));
  ASSERT_OK_AND_ASSIGN(v1::Run run, StartRun());
  v1::Run ended = Await(run.name());
  EXPECT_EQ(ended.state(), EXECUTION_STATE_FAILED);
  EXPECT_EQ(ended.error().reason(), "USER_DISABLED");
}

TEST_F(RunPgTest, ARepeatedRequestStartsOneRun) {
  ASSERT_OK(Create(PipelineOf(kOneStep)));
  ASSERT_OK_AND_ASSIGN(v1::Run first, StartRun("pipelines/p", {}, "req-1"));
  ASSERT_OK_AND_ASSIGN(v1::Run second, StartRun("pipelines/p", {}, "req-1"));
  EXPECT_EQ(first.name(), second.name());
  EXPECT_EQ(ListRuns().size(), 1u);
}

TEST_F(RunPgTest, ParametersAreCheckedBeforeARunIsAccepted) {
  ASSERT_OK(
      Create(PipelineOf(std::string(kOneStep) + R"(parameters { name: "day" type: "date" })")));
  EXPECT_THAT(StartRun(), StatusIs(absl::StatusCode::kInvalidArgument, "PARAMETER_MISSING"));
  EXPECT_THAT(StartRun("pipelines/p", {{"dya", "x"}}),
              StatusIs(absl::StatusCode::kInvalidArgument, "PARAMETER_UNKNOWN"));
  EXPECT_THAT(StartRun("pipelines/p", {{"day", "x"}}),
              StatusIs(absl::StatusCode::kInvalidArgument, "PARAMETER_INVALID"));
  EXPECT_THAT(StartRun("pipelines/none"),
              StatusIs(absl::StatusCode::kNotFound, "PIPELINE_NOT_FOUND"));
  EXPECT_TRUE(ListRuns().empty());
}

TEST_F(RunPgTest, AWatchSeesTheRunUntilItsEnd) {
  modules_.Expect("SELECT only", {Script{.blocks = true}});
  ASSERT_OK(Create(PipelineOf(kOneStep)));
  ASSERT_OK_AND_ASSIGN(v1::Run run, StartRun());
  grpc::ClientContext context;
  rpc::PrepareContext(context, As("grace", auth::kViewerRole));
  v1::WatchRunRequest request;
  request.set_name(run.name());
  auto reader = process().stub().WatchRun(&context, request);
  v1::WatchRunResponse response;
  bool released = false;
  while (reader->Read(&response)) {
    if (!released && response.run().steps(0).state() == EXECUTION_STATE_RUNNING &&
        modules_.WaitForStarted("SELECT only", 1)) {
      modules_.Release("SELECT only");
      released = true;
    }
  }
  EXPECT_TRUE(reader->Finish().ok());
  EXPECT_TRUE(released);
  EXPECT_EQ(response.run().state(), EXECUTION_STATE_SUCCEEDED);
}

TEST_F(RunPgTest, CallsThatWaitAreBounded) {
  TransformOptions options = FastOptions();
  options.max_waiting_calls = 1;
  process_ = StartProcess(options);
  modules_.Expect("SELECT only", {Script{.blocks = true}});
  ASSERT_OK(Create(PipelineOf(kOneStep)));
  ASSERT_OK_AND_ASSIGN(v1::Run run, StartRun());
  v1::WatchRunRequest request;
  request.set_name(run.name());
  grpc::ClientContext first;
  rpc::PrepareContext(first, As("grace", auth::kViewerRole));
  auto watching = process().stub().WatchRun(&first, request);
  v1::WatchRunResponse response;
  ASSERT_TRUE(watching->Read(&response));

  grpc::ClientContext second;
  rpc::PrepareContext(second, As("grace", auth::kViewerRole));
  auto refused = process().stub().WatchRun(&second, request);
  EXPECT_FALSE(refused->Read(&response));
  EXPECT_THAT(rpc::FromGrpcStatus(refused->Finish()),
              StatusIs(absl::StatusCode::kResourceExhausted, "TOO_MANY_WATCHES"));
  // Does not wait for an end that does not come.
  ASSERT_OK_AND_ASSIGN(v1::Run now, GetRun(run.name(), absl::Seconds(30)));
  EXPECT_LT(now.state(), EXECUTION_STATE_SUCCEEDED);

  modules_.Release("SELECT only");
  while (watching->Read(&response)) {
  }
  EXPECT_TRUE(watching->Finish().ok());
  EXPECT_TRUE(Eventually([&] {
    grpc::ClientContext third;
    rpc::PrepareContext(third, As("grace", auth::kViewerRole));
    auto again = process().stub().WatchRun(&third, request);
    const bool read = again->Read(&response);
    again->Finish();
    return read;
  }));
}

// What is left behind as by a kill at each of these points is taken up by another process, and
// nothing is started twice.
class TakeoverPgTest : public RunPgTest, public ::testing::WithParamInterface<const char*> {};

TEST_P(TakeoverPgTest, AnotherProcessFinishesTheRunWithoutDoingThingsTwice) {
  failpoint::ScopedFailpoint killed(GetParam(), "error(INTERNAL)*1");
  v1::Run run = RunToEnd(R"(
      steps { id: "a" sql { sql: "SELECT a" } }
      steps { id: "b" depends_on: "a" crawl { crawler: "crawlers/c" } })");
  EXPECT_GE(killed.hit_count(), 1);
  EXPECT_EQ(run.state(), EXECUTION_STATE_SUCCEEDED) << run.DebugString();
  EXPECT_EQ(StepOf(run, "a").attempt(), 1);
  EXPECT_EQ(modules_.started().size(), 2u);
  EXPECT_THAT(RunEvents(),
              ElementsAre("tarn.transform.run.started", "tarn.transform.run.succeeded"));
}

INSTANTIATE_TEST_SUITE_P(Points, TakeoverPgTest,
                         ::testing::Values("transform.step.before_start",
                                           "transform.step.after_start",
                                           "transform.step.after_record",
                                           "transform.step.before_finish",
                                           "transform.run.before_finish"));

TEST_F(RunPgTest, AProcessThatStopsLeavesItsRunsToOthersAtOnce) {
  modules_.Expect("SELECT only", {Script{.blocks = true}});
  TransformOptions slow = FastOptions();
  slow.lease_ttl = absl::Minutes(5);  // so that only a release explains the takeover
  process_ = StartProcess(slow);
  ASSERT_OK(Create(PipelineOf(kOneStep)));
  ASSERT_OK_AND_ASSIGN(v1::Run run, StartRun());
  ASSERT_TRUE(modules_.WaitForStarted("SELECT only", 1));
  ASSERT_TRUE(Eventually([&] { return !GetRun(run.name())->steps(0).output().empty(); }));
  process_->Stop();
  process_ = StartProcess();
  modules_.Release("SELECT only");
  EXPECT_EQ(Await(run.name()).state(), EXECUTION_STATE_SUCCEEDED);
  EXPECT_EQ(modules_.started().size(), 1u);
}

TEST_F(RunPgTest, ARunOutlivesBrokenConnectionsToPostgres) {
  modules_.Expect("SELECT only", {Script{.blocks = true}});
  ASSERT_OK(Create(PipelineOf(kOneStep)));
  ASSERT_OK_AND_ASSIGN(v1::Run run, StartRun());
  ASSERT_TRUE(modules_.WaitForStarted("SELECT only", 1));
  db_.BreakConnections();
  modules_.Release("SELECT only");
  EXPECT_TRUE(Eventually([&] {
    absl::StatusOr<v1::Run> now = GetRun(run.name());
    return now.ok() && now->state() == EXECUTION_STATE_SUCCEEDED;
  }));
  EXPECT_EQ(modules_.started().size(), 1u);
}

TEST_F(RunPgTest, RunsAreForgottenSomeTimeAfterTheirEndButNeverBeforeIt) {
  modules_.Expect("SELECT slow", {Script{.blocks = true}});
  ASSERT_OK(Create(PipelineOf(kOneStep)));
  ASSERT_OK(Create(PipelineOf(R"(name: "pipelines/slow" steps { id: "slow"
      sql { sql: "SELECT slow" } timeout { seconds: 604800 } })")));
  ASSERT_OK_AND_ASSIGN(v1::Run old, StartRun());
  Await(old.name());
  clock_.Advance(absl::Hours(89 * 24));
  ASSERT_OK_AND_ASSIGN(v1::Run younger, StartRun());
  Await(younger.name());
  ASSERT_OK_AND_ASSIGN(v1::Run running, StartRun("pipelines/slow"));
  ASSERT_TRUE(modules_.WaitForStarted("SELECT slow", 1));
  EXPECT_OK(GetRun(old.name()));
  clock_.Advance(absl::Hours(2 * 24));
  EXPECT_TRUE(Eventually([&] { return absl::IsNotFound(GetRun(old.name()).status()); }));
  EXPECT_OK(GetRun(younger.name()));
  ASSERT_OK_AND_ASSIGN(v1::Run now, GetRun(running.name()));
  EXPECT_EQ(now.state(), EXECUTION_STATE_RUNNING);
  modules_.Release("SELECT slow");
  Await(running.name());
  // What the run started goes with it.
  ASSERT_OK_AND_ASSIGN(
      int64_t works, db_.pool().Run([](Transaction& txn) -> absl::StatusOr<int64_t> {
        return txn.Exec("SELECT count(*) AS n FROM transform.step_works").One().Get<int64_t>("n");
      }));
  EXPECT_EQ(works, 2);
}

TEST_F(RunPgTest, AHistoryIsForgottenInBatchesTheOldestFirst) {
  ASSERT_OK(Create(PipelineOf(kOneStep)));
  for (int i = 0; i < 3; ++i) {
    ASSERT_OK_AND_ASSIGN(v1::Run run, StartRun());
    Await(run.name());
    clock_.Advance(absl::Minutes(1));
  }
  const std::string newest = ListRuns()[0].name();
  auto remove = [&](int limit) {
    return db_.pool().Run([&](Transaction& txn) -> absl::StatusOr<int64_t> {
      return run_store::DeleteEnded(txn, clock_.Now(), limit);
    });
  };
  EXPECT_THAT(remove(2), IsOkAndHolds(2));
  ASSERT_EQ(ListRuns().size(), 1u);
  EXPECT_EQ(ListRuns()[0].name(), newest);
  EXPECT_THAT(remove(2), IsOkAndHolds(1));
  EXPECT_THAT(remove(2), IsOkAndHolds(0));
}

}  // namespace
}  // namespace tarn::transform

// Runs that start by themselves: schedules and events.
#include <gmock/gmock.h>

#include "common/rpc/client.h"
#include "common/testing/status_matchers.h"
#include "services/transform/testing/transform_fixture.h"

namespace tarn::transform {
namespace {

using namespace tarn::common::v1;  // NOLINT: the states
using ::testing::ElementsAre;
using Script = FakeModules::Script;

constexpr char kSnapshot[] = "tarn.catalog.table.snapshot_created";
constexpr char kTable[] = "databases/d/tables/t";

class LaunchPgTest : public TransformFixture {
 protected:
  // Runs on a table's snapshots; the step is "SELECT a".
  static std::string Triggered(const std::string& more = "") {
    return R"(steps { id: "a" sql { sql: "SELECT a" } }
              triggers { event_type: ")" +
           std::string(kSnapshot) + R"(" subject: ")" + kTable + "\" } " + more;
  }

  absl::Status Pause(bool paused) {
    v1::UpdatePipelineRequest request;
    request.mutable_pipeline()->set_name("pipelines/p");
    request.mutable_pipeline()->set_paused(paused);
    request.mutable_update_mask()->add_paths("paused");
    return rpc::Call(process().stub(), &v1::TransformService::Stub::UpdatePipeline, request,
                     As("ada"))
        .status();
  }

  // Whether an event that is written now has been handled: those before it have been, too.
  void AwaitEvents() {
    static int count = 0;
    const std::string name = "pipelines/marker" + std::to_string(++count);
    ASSERT_OK(Create(PipelineOf("name: \"" + name + R"("
        steps { id: "m" sql { sql: "SELECT m" } } triggers { event_type: "marker" subject: ")" +
                                name + "\" }")));
    AppendEvent("marker", name);
    AwaitRuns(1, name);
  }
};

TEST_F(LaunchPgTest, AScheduleRunsItsPipelineAtItsTime) {
  clock_.SetTime(absl::FromCivil(absl::CivilSecond(2024, 3, 4, 4, 30, 0), absl::UTCTimeZone()));
  ASSERT_OK_AND_ASSIGN(v1::Pipeline pipeline, Create(PipelineOf(R"(
      steps { id: "a" sql { sql: "SELECT a" } }
      schedule { cron: "0 6 * * *" time_zone: "Europe/Berlin" })")));
  EXPECT_EQ(pipeline.next_run_time().seconds(),
            absl::ToUnixSeconds(
                absl::FromCivil(absl::CivilSecond(2024, 3, 4, 5, 0, 0), absl::UTCTimeZone())));
  AwaitEvents();
  EXPECT_TRUE(ListRuns().empty());
  clock_.Advance(absl::Minutes(31));
  std::vector<v1::Run> runs = AwaitRuns(1);
  ASSERT_EQ(runs.size(), 1u);
  EXPECT_EQ(runs[0].trigger(), "schedule");
  EXPECT_EQ(runs[0].state(), EXECUTION_STATE_SUCCEEDED);
}

TEST_F(LaunchPgTest, FiresThatWereMissedRunOnce) {
  ASSERT_OK(Create(PipelineOf(R"(steps { id: "a" sql { sql: "SELECT a" } }
                                 schedule { cron: "@hourly" })")));
  process_->Stop();
  clock_.Advance(absl::Hours(30));
  process_ = StartProcess();
  EXPECT_EQ(AwaitRuns(1).size(), 1u);
  AwaitEvents();
  EXPECT_EQ(ListRuns().size(), 1u);
}

TEST_F(LaunchPgTest, SeveralProcessesFireAScheduleOnce) {
  std::unique_ptr<Process> other = StartProcess();
  ASSERT_OK(Create(PipelineOf(R"(steps { id: "a" sql { sql: "SELECT a" } }
                                 schedule { cron: "@hourly" } max_concurrent_runs: 4)")));
  for (size_t hour = 1; hour <= 5; ++hour) {
    clock_.Advance(absl::Hours(1));
    AwaitRuns(hour);
  }
  AwaitEvents();
  EXPECT_EQ(ListRuns().size(), 5u);
}

TEST_F(LaunchPgTest, AnEventRunsThePipelinesThatWaitForIt) {
  ASSERT_OK(Create(PipelineOf(Triggered())));
  AppendEvent(kSnapshot, "databases/d/tables/other");
  AppendEvent(kSnapshot, kTable, R"({"summary": {"crawl": "crawlers/c/crawls/by-hand"}})");
  std::vector<v1::Run> runs = AwaitRuns(1);
  ASSERT_EQ(runs.size(), 1u);
  EXPECT_EQ(runs[0].trigger(), std::string("event/") + kSnapshot + "/" + kTable);
  EXPECT_EQ(runs[0].state(), EXECUTION_STATE_SUCCEEDED);
}

TEST_F(LaunchPgTest, APipelineRunsAfterAnother) {
  ASSERT_OK(
      Create(PipelineOf(R"(name: "pipelines/first" steps { id: "a" sql { sql: "SELECT a" } })")));
  ASSERT_OK(Create(PipelineOf(R"(steps { id: "b" sql { sql: "SELECT b" } }
      parameters { name: "from" }
      triggers { event_type: "tarn.transform.run.succeeded" subject: "pipelines/first"
                 parameters { key: "from" value: "first" } })")));
  ASSERT_OK(StartRun("pipelines/first"));
  std::vector<v1::Run> runs = AwaitRuns(1);
  ASSERT_EQ(runs.size(), 1u);
  EXPECT_EQ(runs[0].parameters().at("from"), "first");
}

TEST_F(LaunchPgTest, EventsThatComeWhileARunWaitsBecomeOneRun) {
  modules_.Expect("SELECT a", {Script{.blocks = true}});
  ASSERT_OK(Create(PipelineOf(Triggered())));
  ASSERT_OK(StartRun());
  ASSERT_TRUE(modules_.WaitForStarted("SELECT a", 1));
  for (int i = 0; i < 5; ++i) AppendEvent(kSnapshot, kTable);
  AwaitEvents();
  modules_.Release("SELECT a");
  EXPECT_EQ(AwaitRuns(2).size(), 2u);
}

TEST_F(LaunchPgTest, WhatThePipelineDidItselfDoesNotRunItAgain) {
  modules_.Expect("SELECT a", {Script{.blocks = true}});
  ASSERT_OK(Create(PipelineOf(Triggered())));
  ASSERT_OK(StartRun());
  ASSERT_TRUE(modules_.WaitForStarted("SELECT a", 1));
  const std::string query = modules_.StartedOf("SELECT a")[0].name;
  AppendEvent(kSnapshot, kTable, R"({"summary": {"query": ")" + query + R"("}})");
  AwaitEvents();
  modules_.Release("SELECT a");
  AwaitRuns(1);
  // Nor afterwards.
  AppendEvent(kSnapshot, kTable, R"({"summary": {"query": ")" + query + R"("}})");
  AwaitEvents();
  EXPECT_EQ(ListRuns().size(), 1u);
  // What another one does, does.
  AppendEvent(kSnapshot, kTable, R"({"summary": {"query": "queries/by-hand"}})");
  EXPECT_EQ(AwaitRuns(2).size(), 2u);
}

TEST_F(LaunchPgTest, APausedPipelineRests) {
  ASSERT_OK_AND_ASSIGN(v1::Pipeline made,
                       Create(PipelineOf(Triggered("schedule { cron: \"@hourly\" }"))));
  ASSERT_OK(Pause(true));
  AppendEvent(kSnapshot, kTable);
  clock_.Advance(absl::Hours(2));
  AwaitEvents();
  EXPECT_TRUE(ListRuns().empty());
  // What it slept through is over.
  ASSERT_OK(Pause(false));
  AwaitEvents();
  EXPECT_TRUE(ListRuns().empty());
  clock_.Advance(absl::Hours(1));
  EXPECT_EQ(AwaitRuns(1).size(), 1u);
}

}  // namespace
}  // namespace tarn::transform

// Two instances of every module but ingestion beside each other, over one PostgreSQL and one lake:
// scheduled work is done once, and what one of them held is taken over when it is killed.
#include <fstream>
#include <signal.h>

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/postgres/postgres_pool.h"
#include "tests/e2e/deployment.h"

namespace tarn::e2e {
namespace {

constexpr absl::Duration kLong = absl::Minutes(2);

const std::vector<std::string>& TwofoldModules() {
  static const auto* const kNames =
      new std::vector<std::string>{"dashboard", "catalog", "query", "transform", "alerting"};
  return *kNames;
}

// A statement that does not end before it is killed while `numbers` has its 100,000 rows.
constexpr char kManifests[] = R"(
apiVersion: tarn/v1
kind: Pipeline
metadata: {name: long}
spec:
  steps:
    - id: count
      retry: {maxAttempts: 5, initialBackoff: 1s}
      sql:
        table: work.counted
        mode: WRITE_MODE_CREATE_OR_REPLACE
        sql: |
          SELECT count(*) AS n FROM work.numbers AS a, work.numbers AS b, work.numbers AS c
          WHERE (a.n * 31 + b.n * 17 + c.n) % 7 <> 8
---
apiVersion: tarn/v1
kind: Channel
metadata: {name: nobody}
spec:
  webhook: {url: "http://127.0.0.1:9/"}
---
apiVersion: tarn/v1
kind: Rule
metadata: {name: always}
spec:
  sql: SELECT 'x' AS label, 1 AS value
  condition: {column: value, operator: COMPARISON_OPERATOR_GREATER, threshold: 0}
  schedule: {cron: "@every 1s"}
  channels: [channels/nobody]
---
)";

std::string Ticking(bool paused) {
  return absl::StrCat(R"(
apiVersion: tarn/v1
kind: Pipeline
metadata: {name: ticking}
spec:
  paused: )",
                      paused ? "true" : "false", R"(
  schedule: {cron: "@every 1s"}
  steps:
    - id: tick
      sql: {table: work.ticks, mode: WRITE_MODE_INSERT, sql: SELECT now() AS time}
)");
}

class InstancesTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(tarn_.Start()); }

  void Apply(const std::string& manifests) {
    const std::string file = tarn_.folder() + "/manifests.yaml";
    std::ofstream(file) << manifests;
    const CommandResult result = tarn_.Tarn({"apply", "-f", file});
    ASSERT_EQ(result.exit_code, 0) << result.err;
  }
  void Sql(const std::string& sql) {
    const CommandResult result = tarn_.Tarn({"query", sql});
    ASSERT_EQ(result.exit_code, 0) << sql << ": " << result.err;
  }

  // One number from Tarn's own tables.
  int64_t Number(const std::string& sql) {
    if (pool_ == nullptr)
      pool_ = std::make_unique<PostgresPool>(PostgresPoolOptions{.dsn = tarn_.PostgresDsn()});
    absl::StatusOr<int64_t> number = pool_->Run([&](Transaction& txn) -> absl::StatusOr<int64_t> {
      return txn.Exec("SELECT (" + sql + ") AS n")[0].Get<int64_t>("n");
    });
    EXPECT_TRUE(number.ok()) << number.status();
    return number.value_or(-1);
  }
  bool Becomes(const std::string& sql, int64_t at_least) {
    return WaitUntil([&] { return Number(sql) >= at_least; }, kLong);
  }

  Deployment tarn_{Form::kSixProcesses,
                   {.flags = {{"transform.lease_ttl", "2s"},
                              {"transform.poll_interval", "200ms"},
                              {"catalog.lease", "5s"},
                              {"alerting.poll_interval", "200ms"}}}};
  std::unique_ptr<PostgresPool> pool_;
};

TEST_F(InstancesTest, ScheduledWorkIsDoneOnceAndWorkOfAKilledInstanceIsTakenOver) {
  Apply("apiVersion: tarn/v1\nkind: Database\nmetadata: {name: work}\nspec: {}\n");
  Sql("CREATE TABLE work.numbers AS SELECT i AS n FROM range(100000) AS r(i)");
  Sql("CREATE TABLE work.ticks (time TIMESTAMPTZ)");
  Apply(kManifests);
  // The only transform and the only query that there are hold it.
  ASSERT_EQ(tarn_.Tarn({"run", "long"}).exit_code, 0);
  ASSERT_TRUE(Becomes("SELECT count(*) FROM transform.step_runs WHERE work <> ''", 1));

  for (const std::string& module : TwofoldModules()) ASSERT_TRUE(tarn_.StartProgram(module + "@2"));
  tarn_.UseSide("@2");
  ASSERT_TRUE(tarn_.WaitServing());

  // Both look for what is due.
  Apply(Ticking(/*paused=*/false));
  const std::string runs = "SELECT count(*) FROM transform.runs WHERE pipeline_id = 'ticking'";
  ASSERT_TRUE(Becomes(runs, 6));
  Apply(Ticking(/*paused=*/true));
  ASSERT_TRUE(
      WaitUntil([&] { return Number(runs + " AND state IN ('QUEUED', 'RUNNING')") == 0; }, kLong));
  const int64_t count = Number(runs);
  EXPECT_EQ(Number(runs + " AND state = 'SUCCEEDED'"), count);
  const int64_t seconds = Number(
      "SELECT ceil(extract(epoch FROM max(created_at) - min(created_at)))::bigint "
      "FROM transform.runs WHERE pipeline_id = 'ticking'");
  EXPECT_LE(count, seconds + 2) << "a schedule of one second has fired twice";
  EXPECT_EQ(tarn_.Query("SELECT count(*) FROM work.ticks"),
            std::vector<std::string>{absl::StrCat(count)});
  // Evaluated again and again, by whichever; it fired once, and is told once.
  ASSERT_TRUE(Becomes("SELECT count(*) FROM alerting.transitions", 1));
  EXPECT_EQ(Number("SELECT count(*) FROM alerting.transitions"), 1);
  EXPECT_EQ(Number("SELECT count(*) FROM alerting.deliveries"), 1);

  for (const std::string& module : TwofoldModules()) tarn_.Kill(module);
  Sql("CREATE OR REPLACE TABLE work.numbers AS SELECT 1 AS n");
  ASSERT_TRUE(Becomes(
      "SELECT count(*) FROM transform.runs WHERE pipeline_id = 'long' AND state = 'SUCCEEDED'", 1))
      << tarn_.Tarn({"get", "runs", "-o", "yaml"}).out << tarn_.Log("transform@2");
  EXPECT_EQ(tarn_.Query("SELECT n FROM work.counted"), std::vector<std::string>{"1"});
  // The rule went on, too, and has nothing new to tell.
  const std::string evaluations =
      "SELECT extract(epoch FROM max(next_evaluation_time))::bigint FROM alerting.rules";
  ASSERT_TRUE(Becomes(evaluations, Number(evaluations) + 2));
  EXPECT_EQ(Number("SELECT count(*) FROM alerting.deliveries"), 1);
}

TEST_F(InstancesTest, AQueryThatWasKilledBehindItsCommitHasSucceeded) {
  Apply("apiVersion: tarn/v1\nkind: Database\nmetadata: {name: work}\nspec: {}\n");
  Sql("CREATE TABLE work.rows (n INTEGER)");
  // It dies once on each side of the commit, by itself.
  for (const auto& [point, state] : std::map<std::string, std::string>{
           {"query.write.before_commit", "FAILED"}, {"query.write.after_commit", "SUCCEEDED"}}) {
    ASSERT_EQ(tarn_.Stop("query"), 0);
    tarn_.SetEnvironment("query", {{"TARN_FAILPOINTS", point + "=abort"}});
    ASSERT_TRUE(tarn_.StartProgram("query"));
    ASSERT_TRUE(tarn_.WaitServing());
    EXPECT_NE(tarn_.Tarn({"query", "INSERT INTO work.rows SELECT 1"}).exit_code, 0);
    EXPECT_EQ(tarn_.Stop("query"), -SIGKILL) << point << " was not reached";
    tarn_.SetEnvironment("query", {});
    ASSERT_TRUE(tarn_.StartProgram("query"));
    ASSERT_TRUE(tarn_.WaitServing());
    const std::string ended =
        "SELECT count(*) FROM query.queries WHERE statement ->> 'sql' LIKE 'INSERT%' AND state = ";
    ASSERT_TRUE(Becomes(ended + (state == "FAILED" ? "4" : "3"), 1)) << point;
  }
  EXPECT_EQ(tarn_.Query("SELECT count(*) FROM work.rows"), std::vector<std::string>{"1"});
  EXPECT_EQ(Number("SELECT (detail #>> '{statistics,rowCount}')::bigint FROM query.queries WHERE "
                   "state = 3 AND statement ->> 'sql' LIKE 'INSERT%'"),
            1);
}

}  // namespace
}  // namespace tarn::e2e

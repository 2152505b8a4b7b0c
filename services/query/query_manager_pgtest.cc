#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/auth/testing/fake_tokens.h"
#include "common/clock/clock.h"
#include "common/ids/ids.h"
#include "common/metrics/metrics.h"
#include "common/postgres/migrations.h"
#include "common/postgres/testing/test_database.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "services/query/migrations.h"
#include "services/query/query_manager.h"
#include "services/query/testing/fake_catalog.h"

namespace tarn::query {
namespace {

using ::tarn::common::v1::EXECUTION_STATE_CANCELLED;
using ::tarn::common::v1::EXECUTION_STATE_FAILED;
using ::tarn::common::v1::EXECUTION_STATE_RUNNING;
using ::tarn::common::v1::EXECUTION_STATE_SUCCEEDED;
using ::testing::Eq;
using ::testing::SizeIs;

constexpr absl::Duration kPatience = absl::Seconds(30);
// Runs for as long as nobody stops it.
constexpr char kEndless[] = "SELECT count(*) FROM range(1000000000000) AS a(x) WHERE x % 7 = 3";

class QueryManagerTest : public ::testing::Test {
 protected:
  QueryManagerTest()
      : lake_(*lake::LakePaths::Open(folder_.path())),
        results_(lake_),
        workers_({.lake_root = folder_.path().string(),
                  .temp_directory = spill_.path().string(),
                  .memory_limit_bytes = 512 << 20,
                  .threads = 1}),
        client_(catalog_.channel()),
        executor_(workers_, client_, lake_, 1) {
    options_.max_concurrent = 2;
    options_.memory_per_query.bytes = 512 << 20;
    manager_ = std::make_unique<QueryManager>(options_, store_, results_, executor_, tokens_,
                                              metrics_, [] { return true; });
    manager_->Start();
  }

  QueryRecord Start(const std::string& sql, const std::string& commit_key = "",
                    const std::string& source = "") {
    ::tarn::query::v1::Statement statement;
    statement.set_sql(sql);
    statement.set_default_database("d");
    statement.set_commit_key(commit_key);
    statement.set_source(source);
    auto started = manager_->StartQuery(ada_, statement, "");
    EXPECT_OK(started);
    return *std::move(started);
  }

  // The query once it has ended.
  QueryRecord Ended(const std::string& id) {
    auto record = manager_->Get(ada_, id, kPatience, [] { return false; });
    EXPECT_OK(record);
    EXPECT_TRUE(IsTerminal(record->query.state()));
    return *std::move(record);
  }

  QueryRecord Run(const std::string& sql, const std::string& commit_key = "") {
    return Ended(Start(sql, commit_key).id);
  }

  void WaitUntilItRuns(const std::string& id) {
    const absl::Time until = absl::Now() + kPatience;
    while (absl::Now() < until) {
      auto record = store_.Get("default", id);
      ASSERT_OK(record);
      if (record->query.state() == EXECUTION_STATE_RUNNING) return;
      absl::SleepFor(absl::Milliseconds(2));
    }
    FAIL() << "the query does not start";
  }

  // As if the process had been killed before it recorded how its queries ended.
  void ForgetEnds() {
    ASSERT_OK(database_.pool().Run([](Transaction& txn) -> absl::Status {
      txn.Exec(
          "UPDATE query.queries SET state = 2, detail = '{}', end_time = NULL, lease_holder = "
          "'gone', lease_expires_at = now() - interval '1 second'");
      return absl::OkStatus();
    }));
  }

  std::string ResultOf(const std::string& id) {
    std::string rows;
    EXPECT_OK(manager_->ReadResult(
        ada_, id, 0, 0, [](const QueryRecord&) { return absl::OkStatus(); },
        [&](std::string batch, int64_t) {
          rows += batch;
          return absl::OkStatus();
        }));
    return rows;
  }

  auth::TestAuthority authority_;
  auth::FakeTokenProvider tokens_{authority_};
  const auth::Caller ada_ = auth::TestCaller("ada");
  TestDatabase database_{
      [](PostgresPool& pool) { return ApplyMigrations(pool, "query", Migrations()); }};
  QueryStore store_{database_.pool()};
  TempDir folder_;
  TempDir spill_;
  lake::LakePaths lake_;
  ResultStore results_;
  FakeCatalog catalog_;
  WorkerPool workers_;
  CatalogClient client_;
  StatementExecutor executor_;
  Metrics registry_;
  QueryMetrics metrics_{registry_};
  QueryOptions options_;
  std::unique_ptr<QueryManager> manager_;
};

TEST_F(QueryManagerTest, AQueryRunsByItselfAndItsResultIsKept) {
  const QueryRecord ended = Run("SELECT 40 + 2 AS x");
  EXPECT_EQ(ended.query.state(), EXECUTION_STATE_SUCCEEDED) << ended.query.ShortDebugString();
  EXPECT_EQ(ResultOf(ended.id), "[42]\n");
}

TEST_F(QueryManagerTest, AStopFailsWhatRunsAsInterrupted) {
  const std::string id = Start(kEndless).id;
  WaitUntilItRuns(id);
  manager_->Stop();
  ASSERT_OK_AND_ASSIGN(const QueryRecord ended, store_.Get("default", id));
  EXPECT_EQ(ended.query.state(), EXECUTION_STATE_FAILED);
  EXPECT_EQ(ended.query.error().reason(), "QUERY_INTERRUPTED");
}

TEST_F(QueryManagerTest, WhatWaitsAtAStopIsTakenUpByTheNext) {
  manager_->Stop();
  const std::string id = Start("SELECT 1").id;
  QueryManager next(options_, store_, results_, executor_, tokens_, metrics_, [] { return true; });
  next.Start();
  ASSERT_OK_AND_ASSIGN(const QueryRecord ended,
                       next.Get(ada_, id, kPatience, [] { return false; }));
  EXPECT_EQ(ended.query.state(), EXECUTION_STATE_SUCCEEDED);
}

TEST_F(QueryManagerTest, ACancelledQueryEndsAsCancelled) {
  const std::string id = Start(kEndless).id;
  WaitUntilItRuns(id);
  ASSERT_OK(manager_->Cancel(ada_, id));
  EXPECT_EQ(Ended(id).query.state(), EXECUTION_STATE_CANCELLED);
}

TEST_F(QueryManagerTest, ACancelThatAnotherInstanceTookReachesTheHolder) {
  const std::string id = Start(kEndless).id;
  WaitUntilItRuns(id);
  ASSERT_OK(store_.RequestCancel("default", id));
  EXPECT_EQ(Ended(id).query.state(), EXECUTION_STATE_CANCELLED);
}

TEST_F(QueryManagerTest, AQueryIsShownToItsAuthorToAdministratorsAndToServices) {
  const std::string id = Run("SELECT 'secret' AS x").id;
  const auto get = [&](const auth::Caller& caller) {
    return manager_->Get(caller, id, absl::ZeroDuration(), [] { return false; }).status();
  };
  EXPECT_THAT(get(auth::TestCaller("bob")),
              StatusIs(absl::StatusCode::kPermissionDenied, "NOT_YOUR_QUERY"));
  EXPECT_OK(get(auth::TestCaller("root", auth::kAdminRole)));
  EXPECT_OK(get(auth::TestCaller("alerting", auth::kServiceRole)));
  EXPECT_THAT(manager_->Cancel(auth::TestCaller("bob"), id),
              StatusIs(absl::StatusCode::kPermissionDenied, "NOT_YOUR_QUERY"));
  EXPECT_THAT(
      manager_->ReadResult(
          auth::TestCaller("bob"), id, 0, 0, [](const QueryRecord&) { return absl::OkStatus(); },
          [](std::string, int64_t) { return absl::OkStatus(); }),
      StatusIs(absl::StatusCode::kPermissionDenied, "NOT_YOUR_QUERY"));
  QueryFilter filter;
  filter.user = "ada";
  EXPECT_THAT(manager_->List(auth::TestCaller("bob"), filter), IsOkAndHolds(SizeIs(0)));
}

TEST_F(QueryManagerTest, AQueryThatWasTakenForDeadCommitsNothing) {
  ASSERT_EQ(Run("CREATE TABLE t AS SELECT 1 AS x").query.state(), EXECUTION_STATE_SUCCEEDED);
  // While it is planned, another instance takes it over and fails it: in one step here, so that no
  // renewal comes between.
  catalog_.OnCall([&](const std::string& method) {
    if (method != "GetTable") return;
    EXPECT_OK(database_.pool().Run([](Transaction& txn) -> absl::Status {
      EXPECT_EQ(txn.Exec("UPDATE query.queries SET state = 4, end_time = now(), lease_holder = "
                         "NULL, lease_epoch = lease_epoch + 1, detail = detail || '{\"error\": "
                         "{\"reason\": \"QUERY_INTERRUPTED\"}}' WHERE state = 2")
                    .affected_rows(),
                1);
      return absl::OkStatus();
    }));
  });
  const QueryRecord ended = Run("INSERT INTO t SELECT 2");
  EXPECT_EQ(ended.query.error().reason(), "QUERY_INTERRUPTED");
  manager_->Stop();
  EXPECT_THAT(catalog_.commits(), SizeIs(1));
}

// What a kill between the commit and the record of the end leaves behind.
TEST_F(QueryManagerTest, AQueryThatHadCommittedBeforeItsProcessEndedHasSucceeded) {
  ASSERT_EQ(Run("CREATE TABLE t (x INTEGER)").query.state(), EXECUTION_STATE_SUCCEEDED);
  const QueryRecord insert = Run("INSERT INTO t SELECT 1");
  const QueryRecord keyed = Run("INSERT INTO t SELECT 2", "runs/1/fill");
  const QueryRecord create = Run("CREATE TABLE u AS SELECT 3 AS x");
  manager_->Stop();
  ForgetEnds();
  QueryManager next(options_, store_, results_, executor_, tokens_, metrics_, [] { return true; });
  next.Start();
  for (const QueryRecord& before : {insert, keyed, create}) {
    ASSERT_OK_AND_ASSIGN(const QueryRecord after,
                         next.Get(ada_, before.id, kPatience, [] { return false; }));
    EXPECT_EQ(after.query.state(), EXECUTION_STATE_SUCCEEDED) << after.query.ShortDebugString();
    EXPECT_EQ(after.query.written_snapshot(), before.query.written_snapshot());
    EXPECT_EQ(after.query.statement_type(), before.query.statement_type());
  }
}

TEST_F(QueryManagerTest, AQueryThatHadNotCommittedBeforeItsProcessEndedIsInterrupted) {
  ASSERT_EQ(Run("CREATE TABLE t (x INTEGER)").query.state(), EXECUTION_STATE_SUCCEEDED);
  manager_->Stop();
  std::vector<std::string> ids;
  for (const char* sql : {"INSERT INTO t SELECT 1", "CREATE TABLE u AS SELECT 1 AS x", "SELECT 1",
                          "CREATE TABLE v (x INTEGER)"}) {
    QueryRecord record;
    record.workspace = "default";
    record.id = ids.emplace_back(NewUuid());
    record.query.set_user("ada");
    record.statement.set_sql(sql);
    record.statement.set_default_database("d");
    ASSERT_OK(store_.InsertRunning(record, "gone", absl::ZeroDuration()).status());
  }
  QueryManager next(options_, store_, results_, executor_, tokens_, metrics_, [] { return true; });
  next.Start();
  for (const std::string& id : ids) {
    ASSERT_OK_AND_ASSIGN(const QueryRecord after,
                         next.Get(ada_, id, kPatience, [] { return false; }));
    EXPECT_EQ(after.query.state(), EXECUTION_STATE_FAILED);
    EXPECT_EQ(after.query.error().reason(), "QUERY_INTERRUPTED");
  }
}

TEST_F(QueryManagerTest, ACommitWhoseOutcomeIsNotKnownIsFoundOut) {
  ASSERT_EQ(Run("CREATE TABLE t (x INTEGER)").query.state(), EXECUTION_STATE_SUCCEEDED);
  catalog_.LoseNextCommitAnswer(100);
  const std::string id = Start("INSERT INTO t SELECT 1").id;
  // Nobody holds it once all tries are over; its lease is what is left to wait for.
  for (int patience = 0; patience < 4; ++patience) {
    ASSERT_OK_AND_ASSIGN(const QueryRecord record,
                         manager_->Get(ada_, id, kPatience, [] { return false; }));
    if (IsTerminal(record.query.state())) break;
  }
  EXPECT_EQ(Ended(id).query.state(), EXECUTION_STATE_SUCCEEDED);
  EXPECT_EQ(ResultOf(Run("SELECT count(*) FROM t").id), "[1]\n");
}

TEST_F(QueryManagerTest, TwoQueriesWithOneCommitKeyStoreTheirRowsOnce) {
  ASSERT_EQ(Run("CREATE TABLE t (x INTEGER)").query.state(), EXECUTION_STATE_SUCCEEDED);
  const QueryRecord first = Run("INSERT INTO t SELECT 1", "runs/1/fill");
  const QueryRecord second = Run("INSERT INTO t SELECT 1", "runs/1/fill");
  EXPECT_EQ(second.query.state(), EXECUTION_STATE_SUCCEEDED) << second.query.ShortDebugString();
  EXPECT_EQ(first.query.written_snapshot(), second.query.written_snapshot());
  EXPECT_EQ(ResultOf(Run("SELECT count(*) FROM t").id), "[1]\n");
}

TEST_F(QueryManagerTest, AClaimWhoseAnswerWasLostIsFound) {
  manager_->Stop();
  const std::string id = Start("SELECT 1").id;
  EXPECT_THAT(store_.FindHeld("me/0", absl::Minutes(1)), IsOkAndHolds(Eq(std::nullopt)));
  ASSERT_OK_AND_ASSIGN(const auto claimed, store_.ClaimNext("me/0", absl::Minutes(1)));
  ASSERT_OK_AND_ASSIGN(const auto found, store_.FindHeld("me/0", absl::Minutes(1)));
  ASSERT_TRUE(claimed.has_value() && found.has_value());
  EXPECT_EQ(found->record.id, id);
  EXPECT_EQ(found->lease.epoch, claimed->lease.epoch);
  QueryRecord record = found->record;
  record.query.set_state(EXECUTION_STATE_SUCCEEDED);
  EXPECT_OK(store_.Finish(record, found->lease));
  EXPECT_THAT(store_.FindHeld("me/0", absl::Minutes(1)), IsOkAndHolds(Eq(std::nullopt)));
}

TEST_F(QueryManagerTest, QueriesAreListedBySource) {
  Start("SELECT 1", "", "pipelines/daily/runs/1/fill");
  Start("SELECT 1", "", "pipelines/daily/runs/2/fill");
  Start("SELECT 1", "", "pipelines/dai%");
  const auto list = [&](const std::string& source) {
    QueryFilter filter;
    filter.source = source;
    return manager_->List(ada_, filter);
  };
  EXPECT_THAT(list("pipelines/daily/"), IsOkAndHolds(SizeIs(2)));
  EXPECT_THAT(list("pipelines/daily/runs/1/fill"), IsOkAndHolds(SizeIs(1)));
  EXPECT_THAT(list("pipelines/dai"), IsOkAndHolds(SizeIs(0)));
  EXPECT_THAT(list("pipelines/dai%"), IsOkAndHolds(SizeIs(1)));
  EXPECT_THAT(list(""), IsOkAndHolds(SizeIs(3)));
}

}  // namespace
}  // namespace tarn::query

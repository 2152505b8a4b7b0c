#include <filesystem>

#include <gtest/gtest.h>

#include "common/ids/ids.h"
#include "common/postgres/migrations.h"
#include "common/postgres/testing/test_database.h"
#include "common/status/error.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "services/query/housekeeper.h"
#include "services/query/migrations.h"
#include "services/query/query_store.h"

namespace tarn::query {
namespace {

using ::tarn::common::v1::EXECUTION_STATE_CANCELLED;
using ::tarn::common::v1::EXECUTION_STATE_FAILED;
using ::tarn::common::v1::EXECUTION_STATE_QUEUED;
using ::tarn::common::v1::EXECUTION_STATE_RUNNING;
using ::tarn::common::v1::EXECUTION_STATE_SUCCEEDED;

constexpr int64_t kNoLimit = 1'000'000;

class QueryStoreTest : public ::testing::Test {
 protected:
  static QueryRecord NewRecord(const std::string& sql = "SELECT 1",
                               const std::string& user = "ann") {
    QueryRecord record;
    record.workspace = "default";
    record.id = NewUuid();
    record.query.set_user(user);
    record.statement.set_sql(sql);
    return record;
  }

  TestDatabase database_{
      [](PostgresPool& pool) { return ApplyMigrations(pool, "query", Migrations()); }};
  QueryStore store_{database_.pool()};
};

TEST_F(QueryStoreTest, AQueryWaitsRunsAndEnds) {
  ASSERT_OK_AND_ASSIGN(QueryRecord queued, store_.Enqueue(NewRecord("SELECT 42"), "", kNoLimit));
  EXPECT_EQ(queued.query.state(), EXECUTION_STATE_QUEUED);
  ASSERT_OK_AND_ASSIGN(auto claimed, store_.ClaimNext("me", absl::Minutes(1)));
  ASSERT_TRUE(claimed.has_value());
  EXPECT_EQ(claimed->record.id, queued.id);
  EXPECT_EQ(claimed->record.statement.sql(), "SELECT 42");
  EXPECT_EQ(claimed->record.query.state(), EXECUTION_STATE_RUNNING);
  ASSERT_OK_AND_ASSIGN(auto nothing, store_.ClaimNext("me", absl::Minutes(1)));
  EXPECT_FALSE(nothing.has_value());
  claimed->record.query.set_state(EXECUTION_STATE_SUCCEEDED);
  claimed->record.query.mutable_statistics()->set_row_count(7);
  ASSERT_OK(store_.Finish(claimed->record, claimed->lease));
  ASSERT_OK_AND_ASSIGN(QueryRecord ended, store_.Get("default", queued.id));
  EXPECT_EQ(ended.query.state(), EXECUTION_STATE_SUCCEEDED);
  EXPECT_EQ(ended.query.statistics().row_count(), 7);
  EXPECT_TRUE(ended.query.times().has_end_time());
  EXPECT_THAT(store_.Get("other", queued.id).status(),
              StatusIs(absl::StatusCode::kNotFound, "QUERY_NOT_FOUND"));
}

TEST_F(QueryStoreTest, TheSameRequestIdGivesTheFirstQuery) {
  ASSERT_OK_AND_ASSIGN(QueryRecord first, store_.Enqueue(NewRecord(), "key", kNoLimit));
  ASSERT_OK_AND_ASSIGN(QueryRecord second, store_.Enqueue(NewRecord(), "key", kNoLimit));
  EXPECT_EQ(first.id, second.id);
  EXPECT_THAT(store_.Enqueue(NewRecord("SELECT 2"), "key", kNoLimit).status(),
              StatusIs(absl::StatusCode::kFailedPrecondition, "REQUEST_ID_REUSED"));
}

TEST_F(QueryStoreTest, AFullQueueRefuses) {
  ASSERT_OK(store_.Enqueue(NewRecord(), "", 1).status());
  EXPECT_THAT(store_.Enqueue(NewRecord(), "", 1).status(),
              StatusIs(absl::StatusCode::kResourceExhausted, "QUEUE_FULL"));
}

TEST_F(QueryStoreTest, AWaitingQueryThatIsCancelledNeverRuns) {
  ASSERT_OK_AND_ASSIGN(QueryRecord queued, store_.Enqueue(NewRecord(), "", kNoLimit));
  ASSERT_OK_AND_ASSIGN(QueryRecord cancelled, store_.RequestCancel("default", queued.id));
  EXPECT_EQ(cancelled.query.state(), EXECUTION_STATE_CANCELLED);
  ASSERT_OK_AND_ASSIGN(auto claimed, store_.ClaimNext("me", absl::Minutes(1)));
  EXPECT_FALSE(claimed.has_value());
}

TEST_F(QueryStoreTest, TheHolderLearnsOfACancel) {
  ASSERT_OK_AND_ASSIGN(QueryRecord queued, store_.Enqueue(NewRecord(), "", kNoLimit));
  ASSERT_OK(store_.ClaimNext("me", absl::Minutes(1)).status());
  ASSERT_OK(store_.RequestCancel("default", queued.id).status());
  ASSERT_OK_AND_ASSIGN(auto mine, store_.CancelledOf("me"));
  EXPECT_EQ(mine, std::vector<std::string>{queued.id});
  ASSERT_OK_AND_ASSIGN(auto others, store_.CancelledOf("other"));
  EXPECT_TRUE(others.empty());
}

TEST_F(QueryStoreTest, AQueryWhoseHolderIsGoneIsTakenOverAndItsHolderCannotEndIt) {
  QueryRecord record = NewRecord();
  ASSERT_OK_AND_ASSIGN(Lease lease, store_.InsertRunning(record, "slow", absl::ZeroDuration()));
  ASSERT_OK(store_.InsertRunning(NewRecord(), "alive", absl::Minutes(1)).status());
  ASSERT_OK_AND_ASSIGN(auto claimed, store_.ClaimAbandoned("next", absl::Minutes(1)));
  ASSERT_TRUE(claimed.has_value());
  EXPECT_EQ(claimed->record.id, record.id);
  ASSERT_OK_AND_ASSIGN(const auto another, store_.ClaimAbandoned("next", absl::Minutes(1)));
  EXPECT_FALSE(another.has_value());
  EXPECT_THAT(store_.Renew(lease, absl::Minutes(1)),
              StatusIs(absl::StatusCode::kAborted, "LEASE_LOST"));
  record.query.set_state(EXECUTION_STATE_SUCCEEDED);
  EXPECT_THAT(store_.Finish(record, lease), StatusIs(absl::StatusCode::kAborted, "LEASE_LOST"));
  claimed->record.query.set_state(EXECUTION_STATE_FAILED);
  EXPECT_OK(store_.Finish(claimed->record, claimed->lease));
  ASSERT_OK_AND_ASSIGN(QueryRecord ended, store_.Get("default", record.id));
  EXPECT_EQ(ended.query.state(), EXECUTION_STATE_FAILED);
}

TEST_F(QueryStoreTest, HistoryIsPagedAndFiltered) {
  for (int i = 0; i < 5; ++i) {
    ASSERT_OK(
        store_.Enqueue(NewRecord("SELECT 1", i % 2 == 0 ? "ann" : "bob"), "", kNoLimit).status());
  }
  QueryFilter filter;
  filter.workspace = "default";
  filter.limit = 3;
  ASSERT_OK_AND_ASSIGN(auto page, store_.List(filter));
  ASSERT_EQ(page.size(), 3u);
  const auto& time = page.back().query.times().create_time();
  filter.before_time = absl::FromUnixMicros(time.seconds() * 1'000'000 + time.nanos() / 1000);
  filter.before_id = page.back().id;
  ASSERT_OK_AND_ASSIGN(auto rest, store_.List(filter));
  EXPECT_EQ(rest.size(), 2u);
  QueryFilter bobs;
  bobs.workspace = "default";
  bobs.user = "bob";
  ASSERT_OK_AND_ASSIGN(auto of_bob, store_.List(bobs));
  EXPECT_EQ(of_bob.size(), 2u);
}

TEST_F(QueryStoreTest, HousekeepingForgetsWhatIsOldAndNothingElse) {
  TempDir folder;
  lake::LakePaths lake = *lake::LakePaths::Open(folder.path());
  ResultStore results(lake);
  const absl::Time old = absl::Now() - absl::Hours(24 * 50);
  const std::string old_result = lake::LakePaths::Results("default", old, "q") + "/rows.jsonl";
  const std::string new_result =
      lake::LakePaths::Results("default", absl::Now(), "q") + "/rows.jsonl";
  folder.WriteFile(old_result, "[1]\n");
  folder.WriteFile(new_result, "[1]\n");
  std::vector<std::string> ids;
  for (int i = 0; i < 3; ++i) {
    ASSERT_OK_AND_ASSIGN(QueryRecord queued,
                         store_.Enqueue(NewRecord(), "request-" + std::to_string(i), kNoLimit));
    ids.push_back(queued.id);
  }
  ASSERT_OK(store_.RequestCancel("default", ids[0]));
  ASSERT_OK(store_.RequestCancel("default", ids[1]));
  ASSERT_OK(database_.pool().Run([&](Transaction& txn) -> absl::Status {
    txn.Exec("UPDATE query.queries SET end_time = now() - interval '50 days' WHERE query_id = $1",
             ids[0]);
    txn.Exec(
        "UPDATE query.idempotency SET created_at = now() - interval '2 days' WHERE "
        "request_id = 'request-0'");
    return absl::OkStatus();
  }));
  Housekeeper(QueryOptions(), database_.pool(), store_, results, [] { return true; }).Run();
  EXPECT_THAT(store_.Get("default", ids[0]).status(), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_OK(store_.Get("default", ids[1]));
  EXPECT_OK(store_.Get("default", ids[2]));
  EXPECT_FALSE(std::filesystem::exists(folder / old_result));
  EXPECT_TRUE(std::filesystem::exists(folder / new_result));
  ASSERT_OK_AND_ASSIGN(QueryRecord anew, store_.Enqueue(NewRecord(), "request-0", kNoLimit));
  EXPECT_NE(anew.id, ids[0]);
  ASSERT_OK_AND_ASSIGN(QueryRecord same, store_.Enqueue(NewRecord(), "request-1", kNoLimit));
  EXPECT_EQ(same.id, ids[1]);
}

}  // namespace
}  // namespace tarn::query

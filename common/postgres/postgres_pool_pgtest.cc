#include <atomic>
#include <latch>
#include <thread>

#include <gtest/gtest.h>

#include "common/postgres/postgres_pool.h"
#include "common/postgres/testing/test_database.h"
#include "common/status/error.h"

namespace tarn {
namespace {

absl::Status CreateTables(PostgresPool& pool) {
  return pool.Run([](Transaction& txn) -> absl::Status {
    txn.ExecScript(
        "CREATE TABLE parent (id int CONSTRAINT parent_key PRIMARY KEY, n int NOT NULL DEFAULT 0);"
        "CREATE TABLE child (parent int CONSTRAINT child_parent REFERENCES parent(id));"
        "INSERT INTO parent VALUES (1), (2)");
    return absl::OkStatus();
  });
}

class PostgresPoolPgTest : public ::testing::Test {
 protected:
  absl::Status Exec(const std::string& sql) {
    return db_.pool().Run([&](Transaction& txn) -> absl::Status {
      txn.Exec(sql);
      return absl::OkStatus();
    });
  }

  int ValueOf(int id) {
    auto n = db_.pool().RunReadOnly([&](Transaction& txn) -> absl::StatusOr<int> {
      return txn.Exec("SELECT n FROM parent WHERE id = $1", id).One().Get<int>("n");
    });
    return n.value_or(-1);
  }

  TestDatabase db_{CreateTables};
};

TEST_F(PostgresPoolPgTest, CommitsOnOkAndRollsBackOnAnError) {
  EXPECT_TRUE(Exec("UPDATE parent SET n = 5 WHERE id = 1").ok());
  absl::Status status = db_.pool().Run([](Transaction& txn) -> absl::Status {
    EXPECT_EQ(txn.Exec("UPDATE parent SET n = 6").affected_rows(), 2);
    return FailedPrecondition("NO", "no");
  });
  EXPECT_EQ(ErrorReason(status), "NO");
  EXPECT_EQ(ValueOf(1), 5);
}

TEST_F(PostgresPoolPgTest, ViolationsCarryTheConstraint) {
  absl::Status unique = Exec("INSERT INTO parent VALUES (1)");
  EXPECT_EQ(unique.code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(ErrorMetadataOf(unique)["constraint"], "parent_key");
  EXPECT_EQ(unique.message(),
            "duplicate key value violates unique constraint \"parent_key\" (Key (id)=(1) already "
            "exists.)");
  absl::Status foreign = Exec("INSERT INTO child VALUES (9)");
  EXPECT_EQ(foreign.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(ErrorMetadataOf(foreign)["constraint"], "child_parent");
  EXPECT_EQ(Exec("SELEC").code(), absl::StatusCode::kInternal);
  EXPECT_EQ(ErrorMetadataOf(Exec("SELECT * FROM nowhere"))["sqlstate"], "42P01");
}

TEST_F(PostgresPoolPgTest, AStatementThatTakesTooLongIsDeadlineExceeded) {
  PostgresPool pool({.dsn = db_.dsn(), .statement_timeout = absl::Milliseconds(20)});
  absl::Status status = pool.Run([](Transaction& txn) -> absl::Status {
    txn.Exec("SELECT pg_sleep(60)");
    return absl::OkStatus();
  });
  EXPECT_EQ(status.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_TRUE(pool.CheckHealth().ok());
}

TEST_F(PostgresPoolPgTest, ADeadlockIsRetried) {
  std::latch both(2);
  std::atomic<int> calls = 0;
  auto update = [&](int first, int second) {
    bool waited = false;
    return db_.pool().Run([&](Transaction& txn) -> absl::Status {
      ++calls;
      txn.Exec("UPDATE parent SET n = n + 1 WHERE id = $1", first);
      if (!waited) both.arrive_and_wait();
      waited = true;
      txn.Exec("UPDATE parent SET n = n + 1 WHERE id = $1", second);
      return absl::OkStatus();
    });
  };
  absl::Status other;
  std::thread thread([&] { other = update(2, 1); });
  EXPECT_TRUE(update(1, 2).ok());
  thread.join();
  EXPECT_TRUE(other.ok()) << other;
  EXPECT_EQ(calls, 3);
  EXPECT_EQ(ValueOf(1), 2);
}

TEST_F(PostgresPoolPgTest, AConflictThatStaysIsAborted) {
  int calls = 0;
  absl::Status status = db_.pool().Run([&](Transaction& txn) -> absl::Status {
    ++calls;
    txn.Exec("DO $$ BEGIN RAISE serialization_failure; END $$");
    return absl::OkStatus();
  });
  EXPECT_EQ(status.code(), absl::StatusCode::kAborted) << status;
  EXPECT_EQ(ErrorReason(status), "TRANSACTION_CONFLICT");
  EXPECT_EQ(calls, 4);
}

TEST_F(PostgresPoolPgTest, BrokenPooledConnectionsAreReplaced) {
  EXPECT_TRUE(Exec("UPDATE parent SET n = 1").ok());
  db_.BreakConnections();
  absl::Status status = Exec("UPDATE parent SET n = n + 1");
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(ValueOf(1), 2);
}

TEST_F(PostgresPoolPgTest, AConnectionBrokenInsideATransactionStartsItAgain) {
  ASSERT_TRUE(db_.pool().CheckHealth().ok());
  int calls = 0;
  absl::Status status = db_.pool().Run([&](Transaction& txn) -> absl::Status {
    txn.Exec("UPDATE parent SET n = n + 1");
    if (++calls == 1) db_.BreakConnections();
    txn.ExecPrepared("SELECT n FROM parent WHERE id = $1", 1);
    return absl::OkStatus();
  });
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(calls, 2);
  EXPECT_EQ(ValueOf(1), 1);
}

TEST_F(PostgresPoolPgTest, AConnectionLostAtCommitIsUnknownAndNotRetried) {
  int calls = 0;
  absl::Status status = db_.pool().Run([&](Transaction& txn) -> absl::Status {
    ++calls;
    txn.Exec("UPDATE parent SET n = n + 1");
    db_.BreakConnections();
    return absl::OkStatus();
  });
  EXPECT_EQ(status.code(), absl::StatusCode::kUnknown) << status;
  EXPECT_EQ(ErrorReason(status), "COMMIT_IN_DOUBT");
  EXPECT_EQ(calls, 1);
  EXPECT_TRUE(db_.pool().CheckHealth().ok());
}

TEST_F(PostgresPoolPgTest, AServerThatIsNotThereIsUnavailable) {
  PostgresPool pool({.dsn = "host=/nonexistent dbname=tarn password=topsecret"});
  absl::Status status = pool.CheckHealth();
  EXPECT_EQ(ErrorReason(status), "POSTGRES_UNAVAILABLE");
  EXPECT_NE(status.message().find("/nonexistent"), absl::string_view::npos);
  EXPECT_EQ(status.message().find("topsecret"), absl::string_view::npos);
  EXPECT_EQ(pool.open_connections(), 0);
}

TEST_F(PostgresPoolPgTest, WaitingForAConnectionEnds) {
  PostgresPool pool(
      {.dsn = db_.dsn(), .max_connections = 1, .acquire_timeout = absl::Milliseconds(10)});
  absl::Status inner;
  EXPECT_TRUE(pool.Run([&](Transaction&) -> absl::Status {
                    inner = pool.CheckHealth();
                    return absl::OkStatus();
                  })
                  .ok());
  EXPECT_EQ(ErrorReason(inner), "POSTGRES_POOL_EXHAUSTED");
}

TEST_F(PostgresPoolPgTest, ManyThreadsShareFewConnections) {
  PostgresPool pool({.dsn = db_.dsn(), .max_connections = 3});
  std::atomic<int> failures = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 25; ++j) {
        absl::Status status = pool.Run([](Transaction& txn) -> absl::Status {
          txn.ExecPrepared("UPDATE parent SET n = n + $1 WHERE id = 1", 1);
          return absl::OkStatus();
        });
        if (!status.ok()) ++failures;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(failures, 0);
  EXPECT_EQ(ValueOf(1), 200);
  EXPECT_LE(pool.open_connections(), 3);
}

TEST_F(PostgresPoolPgTest, AReadOnlyTransactionCannotWrite) {
  absl::Status status = db_.pool().RunReadOnly([](Transaction& txn) -> absl::Status {
    txn.Exec("DELETE FROM parent");
    return absl::OkStatus();
  });
  EXPECT_EQ(ErrorMetadataOf(status)["sqlstate"], "25006");
}

TEST_F(PostgresPoolPgTest, AForeignExceptionPassesThroughAndRollsBack) {
  EXPECT_THROW(db_.pool()
                   .Run([](Transaction& txn) -> absl::Status {
                     txn.Exec("DELETE FROM parent");
                     throw std::runtime_error("mine");
                   })
                   .IgnoreError(),
               std::runtime_error);
  EXPECT_EQ(ValueOf(1), 0);
}

}  // namespace
}  // namespace tarn

#include <atomic>
#include <fstream>
#include <sstream>
#include <thread>
#include <vector>

#include <google/protobuf/struct.pb.h>
#include <google/protobuf/wrappers.pb.h>
#include <gtest/gtest.h>

#include "common/idempotency/idempotency.h"
#include "common/postgres/postgres_pool.h"
#include "common/postgres/testing/test_database.h"

namespace tarn {
namespace {

using google::protobuf::Int64Value;
using google::protobuf::StringValue;

// The file that modules copy, so that it is right.
absl::Status CreateTables(PostgresPool& pool) {
  std::stringstream sql;
  sql << std::ifstream("common/idempotency/idempotency.sql").rdbuf();
  std::string text = sql.str();
  for (size_t at; (at = text.find("SCHEMA.")) != std::string::npos;) text.replace(at, 6, "public");
  return pool.Run([&](Transaction& txn) -> absl::Status {
    txn.ExecScript(text + "CREATE TABLE things (name text)");
    return absl::OkStatus();
  });
}

class IdempotencyPgTest : public ::testing::Test {
 protected:
  // Inserts `name` and answers with the number of things.
  absl::StatusOr<Int64Value> Create(const std::string& name, const std::string& request_id,
                                    const std::string& caller = "ann", bool fail = false) {
    StringValue request;
    request.set_value(name);
    return db_.pool().Run([&](Transaction& txn) {
      return idempotency::Once<Int64Value>(
          txn, "public", {"default", caller, "Create", request_id}, request,
          [&]() -> absl::StatusOr<Int64Value> {
            txn.Exec("INSERT INTO things VALUES ($1)", name);
            if (fail) return FailedPrecondition("NO", "no");
            Int64Value response;
            response.set_value(
                txn.Exec("SELECT count(*) AS n FROM things").One().Get<int64_t>("n"));
            return response;
          });
    });
  }

  TestDatabase db_{CreateTables};
};

TEST_F(IdempotencyPgTest, TheSameRequestGetsTheFirstResponse) {
  EXPECT_EQ(Create("a", "r1")->value(), 1);
  EXPECT_EQ(Create("b", "r2")->value(), 2);
  EXPECT_EQ(Create("a", "r1")->value(), 1);
  EXPECT_EQ(Create("c", "r3")->value(), 3);
}

TEST_F(IdempotencyPgTest, AnotherRequestUnderTheSameIdIsRefused) {
  ASSERT_TRUE(Create("a", "r1").ok());
  auto second = Create("b", "r1");
  EXPECT_EQ(second.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(ErrorReason(second.status()), "REQUEST_ID_REUSED");
}

TEST_F(IdempotencyPgTest, CallersDoNotSeeEachOther) {
  EXPECT_EQ(Create("a", "r1", "ann")->value(), 1);
  EXPECT_EQ(Create("a", "r1", "bob")->value(), 2);
}

TEST_F(IdempotencyPgTest, WithoutAnIdNothingIsKept) {
  EXPECT_EQ(Create("a", "")->value(), 1);
  EXPECT_EQ(Create("a", "")->value(), 2);
}

TEST_F(IdempotencyPgTest, AFailureIsNotKept) {
  EXPECT_EQ(ErrorReason(Create("a", "r1", "ann", true).status()), "NO");
  EXPECT_EQ(Create("a", "r1")->value(), 1);
}

TEST_F(IdempotencyPgTest, DuplicatesAtTheSameTimeHaveOneEffect) {
  std::atomic<int> ones = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 6; ++i) {
    threads.emplace_back([&] {
      auto response = Create("a", "r1");
      if (response.ok() && response->value() == 1) ++ones;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(ones, 6);
}

TEST_F(IdempotencyPgTest, OldRecordsArePurged) {
  ASSERT_TRUE(Create("a", "r1").ok());
  EXPECT_EQ(idempotency::Purge(db_.pool(), "public").value(), 0);
  EXPECT_EQ(idempotency::Purge(db_.pool(), "public", -absl::Hours(1)).value(), 1);
  EXPECT_EQ(Create("a", "r1")->value(), 2);
}

TEST_F(IdempotencyPgTest, MapsAreSerializedAlwaysInTheSameWay) {
  google::protobuf::Struct forward, backward;
  for (int i = 0; i < 50; ++i) {
    (*forward.mutable_fields())[std::to_string(i)].set_number_value(i);
    (*backward.mutable_fields())[std::to_string(49 - i)].set_number_value(49 - i);
  }
  EXPECT_EQ(idempotency::Serialize(forward), idempotency::Serialize(backward));
}

}  // namespace
}  // namespace tarn

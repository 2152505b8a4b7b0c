#include <future>
#include <set>
#include <thread>

#include <gtest/gtest.h>

#include "common/lease/lease.h"
#include "common/lease/lease_keeper.h"
#include "common/postgres/testing/test_database.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"

namespace tarn {
namespace {

const LeaseTable kRuns{"runs", {"workspace", "id"}};
constexpr absl::Duration kLong = absl::Hours(1);

absl::Status CreateRuns(PostgresPool& pool) {
  return pool.Run([](Transaction& txn) -> absl::Status {
    txn.ExecScript("CREATE TABLE runs (workspace text, id bigint, state text DEFAULT 'QUEUED', " +
                   std::string(kLeaseColumns) + ", PRIMARY KEY (workspace, id));" +
                   "INSERT INTO runs (workspace, id) SELECT 'default', generate_series(1, 20)");
    return absl::OkStatus();
  });
}

class LeasePgTest : public ::testing::Test {
 protected:
  std::optional<Lease> Next(const std::string& holder, absl::Duration ttl = kLong) {
    auto lease = db_.pool().Run([&](Transaction& txn) -> absl::StatusOr<std::optional<Lease>> {
      return ClaimNext(txn, kRuns, holder, ttl,
                       {.where = "state = $1", .params = {"QUEUED"}, .order_by = "id"});
    });
    EXPECT_TRUE(lease.ok()) << lease.status();
    return lease.ok() ? *lease : std::nullopt;
  }

  std::optional<Lease> ClaimFirst(const std::string& holder, absl::Duration ttl = kLong) {
    auto lease = db_.pool().Run([&](Transaction& txn) -> absl::StatusOr<std::optional<Lease>> {
      return Claim(txn, kRuns, {"default", "1"}, holder, ttl);
    });
    EXPECT_TRUE(lease.ok()) << lease.status();
    return lease.ok() ? *lease : std::nullopt;
  }

  absl::Status Finish(const Lease& lease) {
    return db_.pool().Run([&](Transaction& txn) -> absl::Status {
      TARN_RETURN_IF_ERROR(CheckLease(txn, kRuns, lease));
      txn.Exec("UPDATE runs SET state = 'SUCCEEDED' WHERE id = $1", lease.key[1]);
      return Release(txn, kRuns, lease);
    });
  }

  absl::Status RenewIt(Lease& lease, absl::Duration ttl = kLong) {
    return db_.pool().Run([&](Transaction& txn) { return Renew(txn, kRuns, lease, ttl); });
  }

  TestDatabase db_{CreateRuns};
};

TEST_F(LeasePgTest, OneHolderARow) {
  auto a = Next("a");
  auto b = Next("b");
  ASSERT_TRUE(a && b);
  EXPECT_EQ(a->key, (std::vector<std::string>{"default", "1"}));
  EXPECT_EQ(b->key[1], "2");
  EXPECT_EQ(a->epoch, 1);
  EXPECT_FALSE(ClaimFirst("c").has_value());
}

TEST_F(LeasePgTest, AnOverdueRowIsTakenOverAndTheOldHolderIsRefused) {
  auto a = ClaimFirst("a", absl::ZeroDuration());
  ASSERT_TRUE(a.has_value());
  auto b = ClaimFirst("b");
  ASSERT_TRUE(b.has_value());
  EXPECT_EQ(b->epoch, a->epoch + 1);
  for (absl::Status status : {Finish(*a), RenewIt(*a)}) {
    EXPECT_EQ(status.code(), absl::StatusCode::kAborted);
    EXPECT_EQ(ErrorReason(status), "LEASE_LOST");
  }
  EXPECT_TRUE(Finish(*b).ok());
}

TEST_F(LeasePgTest, AnOverdueHolderThatNobodyReplacedGoesOn) {
  auto a = ClaimFirst("a", absl::ZeroDuration());
  ASSERT_TRUE(a.has_value());
  EXPECT_TRUE(RenewIt(*a).ok());
  EXPECT_FALSE(ClaimFirst("b").has_value());
}

TEST_F(LeasePgTest, AReleasedRowIsFreeAndItsOldEpochWorthless) {
  auto a = ClaimFirst("a");
  ASSERT_TRUE(a.has_value());
  ASSERT_TRUE(db_.pool().Run([&](Transaction& txn) { return Release(txn, kRuns, *a); }).ok());
  EXPECT_EQ(ErrorReason(Finish(*a)), "LEASE_LOST");
  auto b = ClaimFirst("b");
  ASSERT_TRUE(b.has_value());
  EXPECT_EQ(b->epoch, 2);
}

TEST_F(LeasePgTest, ManyClaimersNeverShareARow) {
  std::mutex mutex;
  std::multiset<std::string> claimed;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      while (auto lease = Next("holder" + std::to_string(i))) {
        std::lock_guard lock(mutex);
        claimed.insert(lease->key[1]);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(claimed.size(), 20u);
  EXPECT_EQ(std::set<std::string>(claimed.begin(), claimed.end()).size(), 20u);
}

TEST_F(LeasePgTest, AKeeperRenewsBeyondTheFirstTime) {
  auto a = ClaimFirst("a", absl::Milliseconds(600));
  ASSERT_TRUE(a.has_value());
  LeaseKeeper keeper(db_.pool(), kRuns, *a, absl::Milliseconds(600));
  auto renewed = [&] {
    auto at = db_.pool().Run([](Transaction& txn) -> absl::StatusOr<absl::Time> {
      return txn.Exec("SELECT lease_expires_at FROM runs WHERE id = 1").One().Get<absl::Time>(0);
    });
    return at.ok() && *at > a->expires_at;
  };
  absl::Time deadline = absl::Now() + absl::Seconds(30);
  while (!renewed() && absl::Now() < deadline) std::this_thread::yield();
  EXPECT_TRUE(renewed());
  EXPECT_FALSE(keeper.lost());
}

TEST_F(LeasePgTest, AKeeperTellsWhenAnotherTookOver) {
  auto a = ClaimFirst("a", absl::ZeroDuration());
  ASSERT_TRUE(a.has_value());
  ASSERT_TRUE(ClaimFirst("b").has_value());
  std::promise<void> lost;
  LeaseKeeper keeper(db_.pool(), kRuns, *a, absl::Milliseconds(60), [&] { lost.set_value(); });
  ASSERT_EQ(lost.get_future().wait_for(std::chrono::seconds(30)), std::future_status::ready);
  EXPECT_TRUE(keeper.lost());
}

TEST_F(LeasePgTest, AKeeperTellsWhenPostgresStaysAway) {
  auto a = ClaimFirst("a");
  ASSERT_TRUE(a.has_value());
  PostgresPool away({.dsn = "host=/nonexistent"});
  std::promise<void> lost;
  LeaseKeeper keeper(away, kRuns, *a, absl::Milliseconds(60), [&] { lost.set_value(); });
  EXPECT_EQ(lost.get_future().wait_for(std::chrono::seconds(30)), std::future_status::ready);
}

}  // namespace
}  // namespace tarn

#include <thread>

#include <gtest/gtest.h>

#include "common/postgres/listener.h"
#include "common/postgres/postgres_pool.h"
#include "common/postgres/testing/test_database.h"

namespace tarn {
namespace {

TEST(ListenerPgTest, WakesUpAfterACommitThatNotifies) {
  TestDatabase db;
  Listener listener(db.dsn(), "things");
  ASSERT_TRUE(listener.Wait(absl::Minutes(1)).ok());  // connects
  std::thread sender([&] {
    EXPECT_TRUE(db.pool()
                    .Run([](Transaction& txn) -> absl::Status {
                      txn.NotifyAfterCommit("things");
                      return absl::OkStatus();
                    })
                    .ok());
  });
  absl::Time begin = absl::Now();
  EXPECT_TRUE(listener.Wait(absl::Minutes(1)).ok());
  EXPECT_LT(absl::Now() - begin, absl::Seconds(30));
  sender.join();
}

TEST(ListenerPgTest, IsInterrupted) {
  TestDatabase db;
  Listener listener(db.dsn(), "things");
  ASSERT_TRUE(listener.Wait(absl::Minutes(1)).ok());
  listener.Interrupt();
  EXPECT_TRUE(listener.Wait(absl::Minutes(1)).ok());
}

TEST(ListenerPgTest, ConnectsAgainAfterABreak) {
  TestDatabase db;
  Listener listener(db.dsn(), "things");
  ASSERT_TRUE(listener.Wait(absl::Minutes(1)).ok());
  db.BreakConnections();
  EXPECT_FALSE(listener.Wait(absl::ZeroDuration()).ok());
  EXPECT_TRUE(listener.Wait(absl::Minutes(1)).ok());
}

}  // namespace
}  // namespace tarn

#include <gtest/gtest.h>

#include "common/clock/fake_clock.h"
#include "common/failpoint/failpoint.h"
#include "common/postgres/testing/test_database.h"
#include "common/testing/temp_dir.h"
#include "common/testing/test_data.h"
#include "services/dashboard/identity/first_start.h"
#include "services/dashboard/identity/identity_manager.h"
#include "services/dashboard/identity/identity_store_contract.h"
#include "services/dashboard/identity/postgres_identity_store.h"
#include "services/dashboard/migrations.h"

namespace tarn::dashboard {
namespace {

absl::Status Migrate(PostgresPool& pool) {
  return ApplyMigrations(pool, "dashboard", Migrations());
}

class PostgresStoreFixture : public ::testing::Test {
 protected:
  IdentityStore& store() { return store_; }
  TestDatabase db_{Migrate};
  PostgresIdentityStore store_{db_.pool()};
};
INSTANTIATE_TYPED_TEST_SUITE_P(Postgres, IdentityStoreContract, PostgresStoreFixture);

class FirstStartPgTest : public PostgresStoreFixture {
 protected:
  FirstStartPgTest() { identity_.SetSigner(*auth::TokenSigner::Generate()); }
  TempDir dir_;
  KeyFiles files_{(dir_ / "admin.key").string(), (dir_ / "service.key").string()};
  FakeClock clock_;
  IdentityManager identity_{store_, clock_};
};

TEST_F(FirstStartPgTest, AKillBeforeTheCommitLeavesAKeyThatTheNextStartAccepts) {
  EXPECT_EXIT(
      {
        failpoint::ScopedFailpoint armed("dashboard.first_start.before_commit", "abort");
        // A fork must not share the parent's connections.
        PostgresPool pool({.dsn = db_.dsn()});
        PostgresIdentityStore store(pool);
        EnsureFirstKeys(files_, store, clock_).IgnoreError();
      },
      ::testing::KilledBySignal(SIGKILL), "");
  std::string secret = ReadFile(files_.admin);
  secret.pop_back();
  EXPECT_THAT(identity_.ExchangeKey(secret), StatusIs(absl::StatusCode::kUnauthenticated));
  ASSERT_OK(EnsureFirstKeys(files_, store_, clock_));
  EXPECT_OK(identity_.ExchangeKey(secret));
}

TEST_F(FirstStartPgTest, AServerThatIsGoneIsUnavailableAndComesBack) {
  ASSERT_OK(EnsureFirstKeys(files_, store_, clock_));
  db_.BreakConnections();
  EXPECT_OK(store_.FindKey("aaaaaaaaaaaa"));
}

}  // namespace
}  // namespace tarn::dashboard

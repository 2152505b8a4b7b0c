#include "common/auth/remote_token_provider.h"

#include <atomic>
#include <filesystem>
#include <memory>
#include <thread>
#include <vector>

#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>

#include "common/auth/remote_key_source.h"
#include "common/auth/testing/fake_auth_service.h"
#include "common/auth/testing/fake_tokens.h"
#include "common/clock/fake_clock.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace tarn::auth {
namespace {

class RemoteTokenProviderTest : public ::testing::Test {
 protected:
  RemoteTokenProviderTest() {
    grpc::ServerBuilder builder;
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
    key_file_ = folder_.WriteFile("service.key", "right-key\n");
  }

  ChannelSource Dashboard() {
    return [this] { return server_->InProcessChannel({}); };
  }

  TempDir folder_;
  FakeClock clock_;
  FakeAuthService service_{clock_};
  std::unique_ptr<grpc::Server> server_;
  std::string key_file_;
};

TEST_F(RemoteTokenProviderTest, ATokenIsUsedAgainUntilAMinuteBeforeItExpires) {
  RemoteTokenProvider provider(Dashboard(), key_file_, clock_);
  EXPECT_THAT(provider.ServiceToken(), IsOkAndHolds("service-1"));
  clock_.Advance(absl::Seconds(239));
  EXPECT_THAT(provider.ServiceToken(), IsOkAndHolds("service-1"));
  clock_.Advance(absl::Seconds(1));
  EXPECT_THAT(provider.ServiceToken(), IsOkAndHolds("service-2"));
}

TEST_F(RemoteTokenProviderTest, EachUserHasATokenOfItsOwn) {
  RemoteTokenProvider provider(Dashboard(), key_file_, clock_);
  EXPECT_THAT(provider.TokenFor("default", "ada"), IsOkAndHolds("default/ada-1"));
  EXPECT_THAT(provider.TokenFor("other", "ada"), IsOkAndHolds("other/ada-2"));
  EXPECT_THAT(provider.TokenFor("default", "ada"), IsOkAndHolds("default/ada-1"));
  EXPECT_EQ(service_.exchanges, 1);
}

TEST_F(RemoteTokenProviderTest, ThreadsThatWantTheSameTokenMakeOneCall) {
  RemoteTokenProvider provider(Dashboard(), key_file_, clock_);
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] { EXPECT_OK(provider.TokenFor("default", "ada")); });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(service_.mints, 1);
}

TEST_F(RemoteTokenProviderTest, AKeyFileThatAppearsOrIsCorrectedIsPickedUp) {
  std::string path = folder_ / "later.key";
  RemoteTokenProvider provider(Dashboard(), path, clock_);
  EXPECT_THAT(provider.ServiceToken(),
              StatusIs(absl::StatusCode::kUnavailable, "SERVICE_KEY_MISSING"));
  folder_.WriteFile("later.key", "wrong-key");
  EXPECT_THAT(provider.ServiceToken(), StatusIs(absl::StatusCode::kUnauthenticated, "KEY_INVALID",
                                                ::testing::HasSubstr(path)));
  folder_.WriteFile("later.key", "right-key");
  EXPECT_OK(provider.ServiceToken());
}

TEST_F(RemoteTokenProviderTest, AServiceTokenThatIsRefusedIsReplacedOnce) {
  RemoteTokenProvider provider(Dashboard(), key_file_, clock_);
  ASSERT_OK(provider.ServiceToken());
  service_.refused_bearer = "Bearer service-1";
  EXPECT_OK(provider.TokenFor("default", "ada"));
  EXPECT_EQ(service_.exchanges, 2);
  EXPECT_EQ(service_.mints, 2);
}

TEST_F(RemoteTokenProviderTest, AUserWhoIsGoneAndADashboardThatIsDownAreToldApart) {
  RemoteTokenProvider provider(Dashboard(), key_file_, clock_);
  EXPECT_THAT(provider.TokenFor("default", "gone"),
              StatusIs(absl::StatusCode::kNotFound, "USER_NOT_FOUND"));
  service_.down = true;
  EXPECT_THAT(provider.TokenFor("default", "ada"), StatusIs(absl::StatusCode::kUnavailable));
}

TEST_F(RemoteTokenProviderTest, ReadsTheSigningKeys) {
  RemoteKeySource source(Dashboard());
  ASSERT_OK_AND_ASSIGN(std::vector<SigningKey> keys, source.FetchKeys());
  ASSERT_EQ(keys.size(), 1u);
  EXPECT_EQ(keys[0].key_id, "k1");
  EXPECT_EQ(keys[0].public_key, "bytes");
}

}  // namespace
}  // namespace tarn::auth

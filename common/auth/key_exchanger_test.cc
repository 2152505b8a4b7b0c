#include "common/auth/key_exchanger.h"

#include <chrono>
#include <future>
#include <memory>
#include <thread>

#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>

#include "common/auth/testing/fake_auth_service.h"
#include "common/clock/fake_clock.h"
#include "common/testing/status_matchers.h"

namespace tarn::auth {
namespace {

class KeyExchangerTest : public ::testing::Test {
 protected:
  KeyExchangerTest() {
    grpc::ServerBuilder builder;
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
    channel_ = server_->InProcessChannel({});
  }
  ~KeyExchangerTest() override {
    exchanger_.Stop();
    server_->Shutdown();
  }

  absl::StatusOr<std::string> Exchange(const std::string& key) {
    std::promise<absl::StatusOr<std::string>> promise;
    exchanger_.Exchange(
        key, [&](absl::StatusOr<std::string> token) { promise.set_value(std::move(token)); });
    return promise.get_future().get();
  }

  FakeClock clock_{absl::FromUnixSeconds(1'700'000'000)};
  FakeAuthService service_{clock_};
  std::unique_ptr<grpc::Server> server_;
  std::shared_ptr<grpc::Channel> channel_;
  KeyExchanger exchanger_{[this] { return channel_; }, clock_};
};

TEST_F(KeyExchangerTest, KeepsATokenUntilShortlyBeforeItEnds) {
  EXPECT_EQ(*Exchange("right-key"), "service-1");
  clock_.Advance(absl::Seconds(239));
  EXPECT_EQ(*Exchange("right-key"), "service-1");
  clock_.Advance(absl::Seconds(1));
  EXPECT_EQ(*Exchange("right-key"), "service-2");
}

TEST_F(KeyExchangerTest, RemembersARefusalForAWhile) {
  EXPECT_THAT(Exchange("wrong-key"), StatusIs(absl::StatusCode::kUnauthenticated, "KEY_INVALID"));
  EXPECT_FALSE(Exchange("wrong-key").ok());
  EXPECT_EQ(service_.exchanges, 1);
  clock_.Advance(absl::Seconds(5));
  EXPECT_FALSE(Exchange("wrong-key").ok());
  EXPECT_EQ(service_.exchanges, 2);
}

TEST_F(KeyExchangerTest, RefusesWhatIsTooLongToBeAKey) {
  EXPECT_THAT(Exchange(std::string(300, 'k')),
              StatusIs(absl::StatusCode::kUnauthenticated, "KEY_INVALID"));
  EXPECT_EQ(service_.exchanges, 0);
}

TEST_F(KeyExchangerTest, NothingOfACallerIsLeftWhenItHasStopped) {
  std::promise<void> answered;
  bool gone = false;
  // Slow to go, as the last hold on a connection may be.
  std::shared_ptr<void> held(nullptr, [&](void*) {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    gone = true;
  });
  exchanger_.Exchange(
      "right-key", [&answered, held](const absl::StatusOr<std::string>&) { answered.set_value(); });
  held.reset();
  answered.get_future().wait();
  exchanger_.Stop();
  EXPECT_TRUE(gone);
}

TEST_F(KeyExchangerTest, TakesNothingWhenItHasStopped) {
  exchanger_.Stop();
  EXPECT_THAT(Exchange("right-key"),
              StatusIs(absl::StatusCode::kUnavailable, "MODULE_NOT_SERVING"));
}

}  // namespace
}  // namespace tarn::auth

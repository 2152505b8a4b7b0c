#include "common/rpc/serving_gate.h"

#include <future>
#include <memory>
#include <thread>

#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>

#include "common/rpc/client.h"
#include "common/rpc/testing/echo_service.grpc.pb.h"
#include "common/testing/status_matchers.h"

namespace tarn::rpc {
namespace {

using testing::EchoRequest;
using testing::EchoResponse;
using testing::EchoService;

// Wait stays inside the gate until it is released or cancelled.
class WaitingService : public EchoService::Service {
 public:
  explicit WaitingService(ServingGate& gate) : gate_(gate) {}

  grpc::Status Wait(grpc::ServerContext* context, const EchoRequest*, EchoResponse*) override {
    if (!gate_.Enter(context)) return grpc::Status(grpc::StatusCode::UNAVAILABLE, "closed");
    entered.set_value();
    auto released = release.get_future();
    while (released.wait_for(std::chrono::milliseconds(1)) != std::future_status::ready &&
           !context->IsCancelled()) {
    }
    gate_.Leave(context);
    return grpc::Status::OK;
  }

  std::promise<void> entered;
  std::promise<void> release;

 private:
  ServingGate& gate_;
};

class ServingGateTest : public ::testing::Test {
 protected:
  ServingGateTest() {
    grpc::ServerBuilder builder;
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
    stub_ = EchoService::NewStub(server_->InProcessChannel({}));
  }

  absl::Status Wait() { return Call(*stub_, &EchoService::Stub::Wait, {}, {}).status(); }

  ServingGate gate_;
  WaitingService service_{gate_};
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<EchoService::Stub> stub_;
};

TEST_F(ServingGateTest, IsClosedAtFirst) {
  EXPECT_FALSE(gate_.IsOpen());
  EXPECT_THAT(Wait(), StatusIs(absl::StatusCode::kUnavailable));
}

TEST_F(ServingGateTest, ClosingWaitsForACallThatEndsInTime) {
  gate_.Open();
  auto call = std::async(std::launch::async, [this] { return Wait(); });
  service_.entered.get_future().wait();
  auto close = std::async(std::launch::async, [this] { gate_.CloseAndWait(absl::Minutes(1)); });
  while (gate_.IsOpen()) std::this_thread::yield();
  EXPECT_THAT(Wait(), StatusIs(absl::StatusCode::kUnavailable));
  service_.release.set_value();
  EXPECT_OK(call.get());
  close.get();
}

TEST_F(ServingGateTest, ClosingCancelsACallThatGoesOn) {
  gate_.Open();
  auto call = std::async(std::launch::async, [this] { return Wait(); });
  service_.entered.get_future().wait();
  gate_.CloseAndWait(absl::ZeroDuration());
  EXPECT_THAT(call.get(), StatusIs(absl::StatusCode::kCancelled));
}

}  // namespace
}  // namespace tarn::rpc

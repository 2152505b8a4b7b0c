// A running module with a stream `s`, a fake catalog and a dashboard that knows one key, for tests
// of the ways in.
#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include <absl/time/clock.h>
#include <gmock/gmock.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>

#include "tarn/dashboard/v1/auth_service.grpc.pb.h"

#include "common/postgres/testing/test_database.h"
#include "common/rpc/client.h"
#include "common/rpc/service_directory.h"
#include "common/rpc/status_conversion.h"
#include "common/server/grpc_server.h"
#include "common/status/error.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "services/ingestion/testing/fake_catalog.h"
#include "services/ingestion/testing/test_ingestion.h"

namespace tarn::ingestion {

inline constexpr char kKey[] = "tarn_0123456789ab_the-secret-of-ada";

// Knows one key, for which it gives what `token` makes.
class FakeAuthService : public dashboard::v1::AuthService::Service {
 public:
  std::function<std::string()> token;
  std::atomic<int> calls = 0;

  grpc::Status ExchangeKey(grpc::ServerContext*, const dashboard::v1::ExchangeKeyRequest* request,
                           dashboard::v1::ExchangeKeyResponse* response) override {
    ++calls;
    if (request->key() != kKey) {
      return rpc::ToGrpcStatus(Unauthenticated("KEY_INVALID", "there is no such key"));
    }
    response->set_token(token());
    response->mutable_expire_time()->set_seconds(absl::ToUnixSeconds(absl::Now()) + 300);
    return grpc::Status::OK;
  }
};

class WaysInPgTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directories(dir_.path() / "lake");
    std::filesystem::create_directories(dir_.path() / "state");
    auto server = server::GrpcServer::Start({.module = "catalog", .listen = "127.0.0.1:0"},
                                            [&](grpc::ServerBuilder& builder) {
                                              builder.RegisterService(&catalog_);
                                              builder.RegisterService(&auth_);
                                            });
    ASSERT_OK(server);
    server_ = *std::move(server);
    Start();
    ASSERT_OK(ingestion_->CreateStream("s"));
  }
  void TearDown() override {
    ingestion_.reset();
    server_->Shutdown(absl::Seconds(1));
  }
  void Start(IngestionOptions options = {}) {
    ingestion_.reset();
    const auto channel =
        rpc::CreateChannelTo(server_->address(), *rpc::ClientCredentials(false, ""));
    ingestion_ = std::make_unique<TestIngestion>(
        TestIngestion::Places{database_.dsn(), dir_.path() / "lake", dir_.path() / "state", channel,
                              channel},
        options);
    auth_.token = [this] { return ingestion_->TokenOf("ada"); };
    ingestion_->WaitUntilReady();
  }

  TempDir dir_;
  TestDatabase database_;
  FakeCatalog catalog_;
  FakeAuthService auth_;
  std::unique_ptr<server::GrpcServer> server_;
  std::unique_ptr<TestIngestion> ingestion_;
};

}  // namespace tarn::ingestion

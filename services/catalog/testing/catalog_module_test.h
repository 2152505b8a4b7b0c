// Tests of the catalog's module as a process runs it: over gRPC, with its workers.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <type_traits>

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include "tarn/catalog/v1/catalog_service.grpc.pb.h"
#include "tarn/catalog/v1/history_service.grpc.pb.h"

#include "common/auth/testing/fake_tokens.h"
#include "common/clock/clock.h"
#include "common/metrics/metrics.h"
#include "common/postgres/testing/test_database.h"
#include "common/rpc/client.h"
#include "common/rpc/service_directory.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "services/catalog/catalog_module.h"

namespace tarn::catalog {

class CatalogModuleTest : public ::testing::Test {
 protected:
  explicit CatalogModuleTest(std::string dsn = "")
      : context_{.services = services_,
                 .verifier = authority_.verifier(),
                 .tokens = tokens_,
                 .metrics = metrics_,
                 .clock = SystemClock(),
                 .gate = gate_,
                 .postgres_dsn = dsn.empty() ? db_.dsn() : dsn,
                 .lake_path = lake_.path(),
                 .state_path = state_.path(),
                 .service_key_file = ""},
        module_({}, context_) {
    grpc::ServerBuilder builder;
    module_.RegisterServices(builder);
    server_ = builder.BuildAndStart();
    stub_ = v1::CatalogService::NewStub(server_->InProcessChannel({}));
    history_ = v1::HistoryService::NewStub(server_->InProcessChannel({}));
    EXPECT_OK(module_.Start());
    gate_.Open();
  }
  ~CatalogModuleTest() override {
    module_.Drain();
    gate_.CloseAndWait(absl::Seconds(5));
    module_.Stop();
    server_->Shutdown();
  }

  // Calls, waiting for PostgreSQL to be opened.
  template <typename Base, typename Request, typename Response>
  absl::StatusOr<Response> Call(grpc::Status (Base::*method)(grpc::ClientContext*, const Request&,
                                                             Response*),
                                const std::type_identity_t<Request>& request,
                                std::string_view role = auth::kEditorRole) {
    return rpc::RetryUnavailable({.max_attempts = 50}, [&] {
      const rpc::Credentials credentials{authority_.TokenFor(auth::TestCaller("ada", role)),
                                         "call-1"};
      if constexpr (std::is_base_of_v<Base, v1::HistoryService::Stub>) {
        return rpc::Call(*history_, method, request, credentials);
      } else {
        return rpc::Call(*stub_, method, request, credentials);
      }
    });
  }
  absl::Status MakeDatabase() {
    v1::CreateDatabaseRequest request;
    request.mutable_database()->set_name("databases/d");
    return Call(&v1::CatalogService::Stub::CreateDatabase, request).status();
  }

  auth::TestAuthority authority_;
  auth::FakeTokenProvider tokens_{authority_};
  TestDatabase db_;
  TempDir lake_;
  TempDir state_;
  Metrics metrics_;
  rpc::ServiceDirectory services_;
  rpc::ServingGate gate_;
  server::ModuleContext context_;
  CatalogModule module_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<v1::CatalogService::Stub> stub_;
  std::unique_ptr<v1::HistoryService::Stub> history_;
};

}  // namespace tarn::catalog

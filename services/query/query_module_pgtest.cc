// The module as a process runs it: over gRPC.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include "tarn/query/v1/query_service.grpc.pb.h"

#include "common/auth/testing/fake_tokens.h"
#include "common/clock/clock.h"
#include "common/metrics/metrics.h"
#include "common/postgres/testing/test_database.h"
#include "common/rpc/client.h"
#include "common/rpc/service_directory.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "services/query/query_module.h"
#include "services/query/testing/fake_catalog.h"

namespace tarn::query {
namespace {

namespace v1 = ::tarn::query::v1;

class QueryModuleTest : public ::testing::Test {
 protected:
  explicit QueryModuleTest(std::string dsn = "")
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
    services_.Set("catalog", catalog_.channel());
    grpc::ServerBuilder builder;
    module_.RegisterServices(builder);
    server_ = builder.BuildAndStart();
    stub_ = v1::QueryService::NewStub(server_->InProcessChannel({}));
    EXPECT_OK(module_.Start());
    gate_.Open();
  }
  ~QueryModuleTest() override {
    gate_.CloseAndWait(absl::Seconds(5));
    module_.Stop();
    server_->Shutdown();
  }

  absl::StatusOr<v1::Query> Start(const std::string& sql, const std::string& user = "ada") {
    v1::StartQueryRequest request;
    request.mutable_statement()->set_sql(sql);
    return rpc::Call(*stub_, &v1::QueryService::Stub::StartQuery, request, CredentialsOf(user));
  }
  absl::StatusOr<v1::Query> Get(const std::string& name, const std::string& user = "ada") {
    v1::GetQueryRequest request;
    request.set_name(name);
    request.mutable_wait()->set_seconds(30);
    return rpc::Call(*stub_, &v1::QueryService::Stub::GetQuery, request, CredentialsOf(user),
                     {.timeout = absl::Minutes(1)});
  }
  rpc::Credentials CredentialsOf(const std::string& user) {
    return {authority_.TokenFor(auth::TestCaller(user)), "call-1"};
  }

  auth::TestAuthority authority_;
  auth::FakeTokenProvider tokens_{authority_};
  TestDatabase db_;
  TempDir lake_;
  TempDir state_;
  Metrics metrics_;
  FakeCatalog catalog_;
  rpc::ServiceDirectory services_;
  rpc::ServingGate gate_;
  server::ModuleContext context_;
  QueryModule module_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<v1::QueryService::Stub> stub_;
};

TEST_F(QueryModuleTest, AQueryIsStartedAndWaitedFor) {
  ASSERT_OK_AND_ASSIGN(const v1::Query started, Start("SELECT 1 AS x"));
  ASSERT_OK_AND_ASSIGN(const v1::Query ended, Get(started.name()));
  EXPECT_EQ(ended.state(), common::v1::EXECUTION_STATE_SUCCEEDED) << ended.ShortDebugString();
  EXPECT_EQ(ended.statistics().row_count(), 1);
}

TEST_F(QueryModuleTest, AnothersQueryIsNotShown) {
  ASSERT_OK_AND_ASSIGN(const v1::Query started, Start("SELECT 1 AS x"));
  EXPECT_THAT(Get(started.name(), "bob"),
              StatusIs(absl::StatusCode::kPermissionDenied, "NOT_YOUR_QUERY"));
}

TEST_F(QueryModuleTest, ASourceThatIsTooLongIsRefused) {
  v1::ListQueriesRequest request;
  request.set_source(std::string(201, 'x'));
  EXPECT_THAT(
      rpc::Call(*stub_, &v1::QueryService::Stub::ListQueries, request, CredentialsOf("ada")),
      StatusIs(absl::StatusCode::kInvalidArgument, "INVALID_FIELD"));
}

// Its migrations cannot be applied.
class QueryWithoutPostgresTest : public QueryModuleTest {
 protected:
  QueryWithoutPostgresTest() : QueryModuleTest("host=127.0.0.1 port=1 dbname=none") {}
};

TEST_F(QueryWithoutPostgresTest, EveryCallIsRefusedUntilTheTablesAreThere) {
  EXPECT_THAT(Start("SELECT 1"), StatusIs(absl::StatusCode::kUnavailable, "POSTGRES_UNAVAILABLE"));
  EXPECT_THAT(Get("queries/x"), StatusIs(absl::StatusCode::kUnavailable, "POSTGRES_UNAVAILABLE"));
  EXPECT_THAT(module_.Ready(), StatusIs(absl::StatusCode::kUnavailable, "POSTGRES_UNAVAILABLE"));
}

}  // namespace
}  // namespace tarn::query

// The service over gRPC: roles, request ids, pages, and what is decoded.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include "common/auth/testing/fake_tokens.h"
#include "common/metrics/metrics.h"
#include "common/rpc/client.h"
#include "common/testing/status_matchers.h"
#include "services/catalog/governance/governance_service.h"
#include "services/catalog/testing/catalog_database.h"

namespace tarn::catalog {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

using Stub = v1::GovernanceService::Stub;

class GovernanceServiceTest : public ::testing::Test {
 protected:
  GovernanceServiceTest() {
    db_.CreateTable("t");
    storage_.Start();
    grpc::ServerBuilder builder;
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
    stub_ = v1::GovernanceService::NewStub(server_->InProcessChannel({}));
  }
  ~GovernanceServiceTest() override { server_->Shutdown(); }

  // As ada, who owns the tables, unless told otherwise.
  template <typename Base, typename Request, typename Response>
  absl::StatusOr<Response> Call(grpc::Status (Base::*method)(grpc::ClientContext*, const Request&,
                                                             Response*),
                                const std::type_identity_t<Request>& request,
                                const auth::Caller& caller = auth::TestCaller("ada")) {
    return rpc::RetryUnavailable({.max_attempts = 50}, [&] {
      return rpc::Call(*stub_, method, request, {authority_.TokenFor(caller), "call-1"});
    });
  }

  static v1::CreateGrantRequest GrantRequest(const std::string& id) {
    v1::CreateGrantRequest request;
    request.mutable_grant()->set_name("grants/" + id);
    request.mutable_grant()->set_resource("databases/d");
    request.mutable_grant()->set_level(v1::ACCESS_LEVEL_READ);
    request.mutable_grant()->add_members("group:sales");
    return request;
  }

  auth::TestAuthority authority_;
  CatalogDatabase db_;
  Metrics metrics_;
  Storage storage_{db_.database().dsn(), 4};
  duckdb::LazyDatabase engine_{PolicyEngineOptions()};
  GovernanceService service_{
      {.module = "catalog", .verifier = &authority_.verifier(), .metrics = &metrics_},
      storage_,
      engine_};
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<Stub> stub_;
};

TEST_F(GovernanceServiceTest, ARequestIdMakesARetryReturnTheFirstResult) {
  v1::CreateGrantRequest request = GrantRequest("g");
  request.set_request_id("r1");
  ASSERT_OK_AND_ASSIGN(const v1::Grant made, Call(&Stub::CreateGrant, request));
  ASSERT_OK_AND_ASSIGN(const v1::Grant again, Call(&Stub::CreateGrant, request));
  EXPECT_EQ(again.SerializeAsString(), made.SerializeAsString());
  request.set_request_id("");
  EXPECT_THAT(Call(&Stub::CreateGrant, request),
              StatusIs(absl::StatusCode::kAlreadyExists, "GRANT_EXISTS"));
}

TEST_F(GovernanceServiceTest, AViewerMayHoldARightToGrant) {
  v1::CreateGrantRequest request = GrantRequest("heads");
  request.mutable_grant()->mutable_grant_option()->set_database("databases/d");
  ASSERT_OK(Call(&Stub::CreateGrant, request));
  auth::Caller head = auth::TestCaller("hal", auth::kViewerRole);
  EXPECT_THAT(Call(&Stub::CreateGrant, GrantRequest("g"), head),
              StatusIs(absl::StatusCode::kPermissionDenied, "GOVERNANCE_NOT_ALLOWED"));
  head.groups = {"sales"};
  EXPECT_OK(Call(&Stub::CreateGrant, GrantRequest("g"), head));
  head.roles = {};
  EXPECT_THAT(Call(&Stub::CreateGrant, GrantRequest("g2"), head),
              StatusIs(absl::StatusCode::kPermissionDenied, "ROLE_REQUIRED"));
}

TEST_F(GovernanceServiceTest, ListsComeInPages) {
  for (const char* id : {"c", "a", "b"}) ASSERT_OK(Call(&Stub::CreateGrant, GrantRequest(id)));
  v1::ListGrantsRequest list;
  list.set_resource("databases/d");
  list.set_page_size(2);
  std::vector<std::string> names;
  do {
    ASSERT_OK_AND_ASSIGN(const v1::ListGrantsResponse page, Call(&Stub::ListGrants, list));
    for (const v1::Grant& grant : page.grants()) names.push_back(grant.name());
    list.set_page_token(page.next_page_token());
  } while (!list.page_token().empty());
  EXPECT_THAT(names, ElementsAre("grants/a", "grants/b", "grants/c"));
  list.set_resource("databases/d/tables/t");
  ASSERT_OK_AND_ASSIGN(const v1::ListGrantsResponse page, Call(&Stub::ListGrants, list));
  EXPECT_THAT(page.grants(), SizeIs(0));
}

TEST_F(GovernanceServiceTest, VersionsOfEveryKindAreListed) {
  v1::CreateRowFilterRequest make;
  make.mutable_row_filter()->set_name("rowFilters/f");
  make.mutable_row_filter()->set_table("databases/d/tables/t");
  make.mutable_row_filter()->add_members("everyone");
  make.mutable_row_filter()->set_expression("id = 0");
  ASSERT_OK(Call(&Stub::CreateRowFilter, make));
  for (int i = 1; i < 3; ++i) {
    v1::UpdateRowFilterRequest update;
    *update.mutable_row_filter() = make.row_filter();
    update.mutable_row_filter()->set_expression("id = " + std::to_string(i));
    ASSERT_OK(Call(&Stub::UpdateRowFilter, update));
  }
  v1::ListPolicyVersionsRequest list;
  list.set_parent("rowFilters/f");
  list.set_page_size(2);
  std::vector<std::string> expressions;
  do {
    ASSERT_OK_AND_ASSIGN(const v1::ListPolicyVersionsResponse page,
                         Call(&Stub::ListPolicyVersions, list));
    for (const v1::PolicyVersion& version : page.versions()) {
      expressions.push_back(version.row_filter().expression());
      EXPECT_EQ(version.user(), "ada");
      EXPECT_EQ(version.row_filter().version(), version.version());
    }
    list.set_page_token(page.next_page_token());
  } while (!list.page_token().empty());
  EXPECT_THAT(expressions, ElementsAre("id = 2", "id = 1", "id = 0"));
  list.set_parent("tables/f");
  EXPECT_THAT(Call(&Stub::ListPolicyVersions, list),
              StatusIs(absl::StatusCode::kInvalidArgument, "INVALID_RESOURCE_NAME"));
}

TEST_F(GovernanceServiceTest, EffectiveAccessIsTheCallersUnlessSomebodyElseIsNamed) {
  ASSERT_OK(Call(&Stub::CreateGrant, GrantRequest("g")));
  v1::GetEffectiveAccessRequest request;
  request.set_table("databases/d/tables/t");
  auth::Caller sam = auth::TestCaller("sam", auth::kViewerRole);
  sam.groups = {"sales"};
  ASSERT_OK_AND_ASSIGN(v1::EffectiveAccess access, Call(&Stub::GetEffectiveAccess, request, sam));
  EXPECT_EQ(access.level(), v1::ACCESS_LEVEL_READ);
  EXPECT_EQ(access.level_reasons(0).member(), "group:sales");

  request.mutable_principal()->set_user("vera");
  request.mutable_principal()->add_roles("viewer");
  EXPECT_THAT(Call(&Stub::GetEffectiveAccess, request, sam),
              StatusIs(absl::StatusCode::kPermissionDenied, "GOVERNANCE_NOT_ALLOWED"));
  ASSERT_OK_AND_ASSIGN(access, Call(&Stub::GetEffectiveAccess, request));
  EXPECT_EQ(access.principal().user(), "vera");
  EXPECT_EQ(access.level(), v1::ACCESS_LEVEL_UNSPECIFIED);
  request.mutable_principal()->add_roles("service");
  EXPECT_THAT(Call(&Stub::GetEffectiveAccess, request),
              StatusIs(absl::StatusCode::kInvalidArgument, "INVALID_FIELD"));
}

TEST_F(GovernanceServiceTest, TheAuditLogIsForAdministrators) {
  for (const char* id : {"a", "b", "c"}) ASSERT_OK(Call(&Stub::CreateGrant, GrantRequest(id)));
  v1::ListAuditEntriesRequest list;
  list.set_resource("grants");
  list.set_page_size(2);
  EXPECT_THAT(Call(&Stub::ListAuditEntries, list),
              StatusIs(absl::StatusCode::kPermissionDenied, "ROLE_REQUIRED"));
  const auth::Caller admin = auth::TestCaller("ann", auth::kAdminRole);
  std::vector<std::string> resources;
  do {
    ASSERT_OK_AND_ASSIGN(const v1::ListAuditEntriesResponse page,
                         Call(&Stub::ListAuditEntries, list, admin));
    for (const v1::AuditEntry& entry : page.audit_entries()) {
      resources.push_back(entry.resource());
      EXPECT_THAT(entry.after(), HasSubstr("group:sales"));
      EXPECT_EQ(entry.request_id(), "call-1");
    }
    list.set_page_token(page.next_page_token());
  } while (!list.page_token().empty());
  EXPECT_THAT(resources, ElementsAre("grants/c", "grants/b", "grants/a"));
}

}  // namespace
}  // namespace tarn::catalog

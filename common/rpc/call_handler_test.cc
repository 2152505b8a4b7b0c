#include "common/rpc/call_handler.h"

#include <functional>
#include <memory>
#include <sstream>
#include <stdexcept>

#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>

#include "common/auth/testing/fake_tokens.h"
#include "common/clock/fake_clock.h"
#include "common/logging/logging.h"
#include "common/metrics/metrics.h"
#include "common/rpc/client.h"
#include "common/rpc/serving_gate.h"
#include "common/rpc/testing/echo_service.grpc.pb.h"
#include "common/status/error.h"
#include "common/testing/status_matchers.h"

namespace tarn::rpc {
namespace {

using testing::EchoRequest;
using testing::EchoResponse;
using testing::EchoService;
using ::testing::HasSubstr;
using ::testing::Not;

// Echo goes through Handle, Wait through BeginCall; `body` and `access` are a test's to set.
class EchoServiceImpl : public EchoService::Service {
 public:
  explicit EchoServiceImpl(CallHandlerOptions options) : handler_(std::move(options)) {}

  grpc::Status Echo(grpc::ServerContext* context, const EchoRequest* request,
                    EchoResponse* response) override {
    return handler_.Handle(context, {"Echo", access}, [&](const CallContext& call) -> absl::Status {
      response->set_text(request->text());
      response->set_user(call.caller.user);
      response->set_request_id(call.request_id);
      deadline = call.deadline;
      return body ? body(call) : absl::OkStatus();
    });
  }

  grpc::Status Wait(grpc::ServerContext* context, const EchoRequest*, EchoResponse*) override {
    absl::StatusOr<std::unique_ptr<CallScope>> scope =
        handler_.BeginCall(context, {"Wait", access});
    if (!scope.ok()) return ToGrpcStatus(scope.status());
    return (*scope)->Finish(absl::AbortedError("ended"));
  }

  Access access = Access::kRead;
  std::function<absl::Status(const CallContext&)> body;
  absl::Time deadline;

 private:
  CallHandler handler_;
};

class CallHandlerTest : public ::testing::Test {
 protected:
  CallHandlerTest() {
    gate_.Open();
    grpc::ServerBuilder builder;
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
    stub_ = EchoService::NewStub(server_->InProcessChannel({}));
  }

  absl::StatusOr<EchoResponse> Echo(const Credentials& credentials) {
    EchoRequest request;
    request.set_text("hello");
    return Call(*stub_, &EchoService::Stub::Echo, request, credentials);
  }

  std::string TokenOf(std::string_view role) {
    return authority_.TokenFor(auth::TestCaller("ada", role));
  }

  std::ostringstream log_;
  logging::ScopedCapture capture_{log_};
  FakeClock clock_;
  auth::TestAuthority authority_{clock_};
  Metrics metrics_;
  ServingGate gate_;
  EchoServiceImpl service_{{.module = "catalog",
                            .verifier = &authority_.verifier(),
                            .metrics = &metrics_,
                            .gate = &gate_}};
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<EchoService::Stub> stub_;
};

TEST_F(CallHandlerTest, TheHandlerSeesCallerRequestIdAndDeadline) {
  ASSERT_OK_AND_ASSIGN(EchoResponse response,
                       Echo({.token = TokenOf(auth::kViewerRole), .request_id = "req-1"}));
  EXPECT_EQ(response.text(), "hello");
  EXPECT_EQ(response.user(), "ada");
  EXPECT_EQ(response.request_id(), "req-1");
  EXPECT_LE(service_.deadline, absl::Now() + absl::Seconds(31));
  EXPECT_EQ(log_.str(), "");
}

TEST_F(CallHandlerTest, ARequestIdIsMadeWhenNoneOrABadOneComesAndIsSentBack) {
  for (const char* id : {"", "has space", "\"quote"}) {
    grpc::ClientContext context;
    PrepareContext(context, {.token = TokenOf(auth::kViewerRole), .request_id = id});
    EchoResponse response;
    ASSERT_OK(FromGrpcStatus(stub_->Echo(&context, EchoRequest(), &response)));
    EXPECT_EQ(response.request_id().size(), 36u);
    auto sent_back = context.GetServerInitialMetadata().find("x-request-id");
    ASSERT_NE(sent_back, context.GetServerInitialMetadata().end());
    EXPECT_EQ(std::string(sent_back->second.data(), sent_back->second.size()),
              response.request_id());
  }
}

TEST_F(CallHandlerTest, CredentialsThatAreMissingWrongOrOldAreToldApart) {
  EXPECT_THAT(Echo({}), StatusIs(absl::StatusCode::kUnauthenticated, "TOKEN_MISSING",
                                 HasSubstr("authorization: Bearer")));
  EXPECT_THAT(Echo({.token = "secret-key"}),
              StatusIs(absl::StatusCode::kUnauthenticated, "TOKEN_MALFORMED"));
  auth::TestAuthority other(clock_);
  EXPECT_THAT(Echo({.token = other.TokenFor(auth::TestCaller())}),
              StatusIs(absl::StatusCode::kUnauthenticated, "TOKEN_SIGNATURE_INVALID"));
  std::string token = TokenOf(auth::kViewerRole);
  clock_.Advance(absl::Minutes(6));
  EXPECT_THAT(Echo({.token = token}),
              StatusIs(absl::StatusCode::kUnauthenticated, "TOKEN_EXPIRED"));
  EXPECT_THAT(log_.str(), Not(HasSubstr("secret-key")));
  EXPECT_THAT(log_.str(), Not(HasSubstr("\"level\":\"error\"")));
}

TEST_F(CallHandlerTest, EachAccessAdmitsItsRoles) {
  struct Case {
    Access access;
    bool viewer, editor, admin, service;
  };
  for (const Case& c :
       {Case{Access::kPublic, true, true, true, true}, Case{Access::kRead, true, true, true, true},
        Case{Access::kWrite, false, true, true, true},
        Case{Access::kAdmin, false, false, true, false},
        Case{Access::kService, false, false, false, true}}) {
    service_.access = c.access;
    EXPECT_EQ(Echo({.token = TokenOf(auth::kViewerRole)}).ok(), c.viewer);
    EXPECT_EQ(Echo({.token = TokenOf(auth::kEditorRole)}).ok(), c.editor);
    EXPECT_EQ(Echo({.token = TokenOf(auth::kAdminRole)}).ok(), c.admin);
    EXPECT_EQ(Echo({.token = TokenOf(auth::kServiceRole)}).ok(), c.service);
    EXPECT_EQ(Echo({.token = TokenOf("unknown")}).ok(), c.access == Access::kPublic);
  }
  service_.access = Access::kWrite;
  absl::Status refused = Echo({.token = TokenOf(auth::kViewerRole)}).status();
  EXPECT_THAT(refused, StatusIs(absl::StatusCode::kPermissionDenied, "ROLE_REQUIRED"));
  EXPECT_EQ(ErrorMetadataOf(refused).at("role"), "editor");
}

TEST_F(CallHandlerTest, APublicCallNeedsNoCredential) {
  service_.access = Access::kPublic;
  EXPECT_OK(Echo({}));
}

TEST_F(CallHandlerTest, ErrorsReachTheClientWhole) {
  service_.body = [](const CallContext&) {
    return NotFound("TABLE_NOT_FOUND", "no table a.b", {{"table", "a.b"}});
  };
  EXPECT_EQ(Echo({.token = TokenOf(auth::kViewerRole)}).status(), service_.body({}));
  EXPECT_THAT(log_.str(), HasSubstr("TABLE_NOT_FOUND"));
  EXPECT_THAT(log_.str(), HasSubstr("\"level\":\"info\""));
}

TEST_F(CallHandlerTest, AnExceptionBecomesAnInternalErrorWhoseTextOnlyTheLogHas) {
  service_.body = [](const CallContext&) -> absl::Status {
    throw std::runtime_error("password in here");
  };
  EXPECT_THAT(Echo({.token = TokenOf(auth::kViewerRole), .request_id = "req-7"}),
              StatusIs(absl::StatusCode::kInternal, "UNEXPECTED_EXCEPTION",
                       ::testing::AllOf(HasSubstr("req-7"), Not(HasSubstr("password")))));
  EXPECT_THAT(log_.str(), HasSubstr("password in here"));
  EXPECT_THAT(log_.str(), HasSubstr("\"level\":\"error\""));
}

TEST_F(CallHandlerTest, NothingIsServedWhileTheGateIsClosed) {
  gate_.CloseAndWait(absl::ZeroDuration());
  EXPECT_THAT(Echo({.token = TokenOf(auth::kViewerRole)}),
              StatusIs(absl::StatusCode::kUnavailable, "MODULE_NOT_SERVING"));
}

TEST_F(CallHandlerTest, CallsAreCountedByMethodAndCode) {
  ASSERT_OK(Echo({.token = TokenOf(auth::kViewerRole)}));
  ASSERT_FALSE(Echo({}).ok());
  ASSERT_THAT(Call(*stub_, &EchoService::Stub::Wait, {}, {.token = TokenOf(auth::kViewerRole)}),
              StatusIs(absl::StatusCode::kAborted));
  std::string text = metrics_.RenderText();
  EXPECT_THAT(text, HasSubstr("method=\"Echo\""));
  EXPECT_THAT(text, HasSubstr("code=\"UNAUTHENTICATED\""));
  EXPECT_THAT(text, HasSubstr("code=\"ABORTED\""));
}

TEST_F(CallHandlerTest, TheLogSaysWhoCalledWhat) {
  service_.body = [](const CallContext&) { return absl::DataLossError("a page is damaged"); };
  ASSERT_FALSE(Echo({.token = TokenOf(auth::kViewerRole), .request_id = "req-9"}).ok());
  for (const char* part : {"\"request_id\":\"req-9\"", "\"method\":\"Echo\"", "\"user\":\"ada\"",
                           "\"code\":\"DATA_LOSS\"", "\"level\":\"error\""}) {
    EXPECT_THAT(log_.str(), HasSubstr(part));
  }
}

}  // namespace
}  // namespace tarn::rpc

#include "common/server/grpc_server.h"

#include <filesystem>
#include <future>
#include <thread>

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>

#include "common/rpc/client.h"
#include "common/rpc/health_client.h"
#include "common/rpc/service_directory.h"
#include "common/rpc/testing/echo_service.grpc.pb.h"
#include "common/server/testing/test_certificate.h"
#include "common/status/error.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace tarn::server {
namespace {

using rpc::testing::EchoRequest;
using rpc::testing::EchoResponse;
using rpc::testing::EchoService;

// Wait answers once it is released or cancelled.
class EchoServiceImpl : public EchoService::Service {
 public:
  grpc::Status Echo(grpc::ServerContext*, const EchoRequest* request,
                    EchoResponse* response) override {
    if (request->text() == "large error") {
      std::vector<FieldViolation> violations(2000, {"spec.field", "is wrong"});
      return rpc::ToGrpcStatus(InvalidFields(std::move(violations)));
    }
    response->set_text(request->text());
    return grpc::Status::OK;
  }

  grpc::Status Wait(grpc::ServerContext*, const EchoRequest*, EchoResponse*) override {
    waiting.set_value();
    release.get_future().wait();
    return grpc::Status::OK;
  }

  std::promise<void> waiting;
  std::promise<void> release;
};

class GrpcServerTest : public ::testing::Test {
 protected:
  absl::StatusOr<std::unique_ptr<GrpcServer>> Start(GrpcServerOptions options) {
    options.module = "catalog";
    options.listen_option = "catalog.listen";
    return GrpcServer::Start(
        options, [this](grpc::ServerBuilder& builder) { builder.RegisterService(&service_); });
  }

  static absl::StatusOr<EchoResponse> Echo(const std::shared_ptr<grpc::Channel>& channel,
                                           const std::string& text = "hello") {
    EchoService::Stub stub(channel);
    EchoRequest request;
    request.set_text(text);
    return rpc::Call(stub, &EchoService::Stub::Echo, request, {});
  }

  EchoServiceImpl service_;
};

TEST_F(GrpcServerTest, TakesAFreePortAndReportsIt) {
  ASSERT_OK_AND_ASSIGN(auto server, Start({.listen = "127.0.0.1:0"}));
  EXPECT_GT(server->port(), 0);
  EXPECT_EQ(server->address(), "127.0.0.1:" + std::to_string(server->port()));
  auto channel = rpc::CreateChannelTo(server->address(), grpc::InsecureChannelCredentials());
  EXPECT_OK(Echo(channel));
  EXPECT_OK(Echo(server->InProcessChannel()));
}

TEST_F(GrpcServerTest, WithoutAnAddressItServesTheProcessAlone) {
  ASSERT_OK_AND_ASSIGN(auto server, Start({}));
  EXPECT_EQ(server->port(), 0);
  EXPECT_EQ(server->address(), "");
  EXPECT_OK(Echo(server->InProcessChannel()));
}

TEST_F(GrpcServerTest, HealthFollowsReadiness) {
  ASSERT_OK_AND_ASSIGN(auto server, Start({}));
  EXPECT_THAT(rpc::CheckHealth(server->InProcessChannel()),
              StatusIs(absl::StatusCode::kUnavailable, "MODULE_NOT_SERVING"));
  server->SetServing(true);
  EXPECT_OK(rpc::CheckHealth(server->InProcessChannel()));
  server->SetServing(false);
  EXPECT_FALSE(rpc::CheckHealth(server->InProcessChannel()).ok());
}

TEST_F(GrpcServerTest, APortInUseIsToldWithItsOption) {
  ASSERT_OK_AND_ASSIGN(auto first, Start({.listen = "127.0.0.1:0"}));
  EXPECT_THAT(Start({.listen = first->address()}),
              StatusIs(absl::StatusCode::kFailedPrecondition, "PORT_IN_USE",
                       ::testing::AllOf(::testing::HasSubstr(first->address()),
                                        ::testing::HasSubstr("--catalog.listen"))));
}

TEST_F(GrpcServerTest, AnOpenListenerNeedsTlsOrPermission) {
  EXPECT_THAT(Start({.listen = "0.0.0.0:0"}),
              StatusIs(absl::StatusCode::kFailedPrecondition, "INSECURE_LISTENER"));
  EXPECT_OK(Start({.listen = "0.0.0.0:0", .allow_insecure = true}));
}

TEST_F(GrpcServerTest, TlsIsServedToClientsThatTrustTheAuthority) {
  TempDir folder;
  TestCertificate certificate = MakeTestCertificate();
  TlsFiles files{folder.WriteFile("cert.pem", certificate.certificate_pem),
                 folder.WriteFile("key.pem", certificate.private_key_pem)};
  ASSERT_OK_AND_ASSIGN(auto server, Start({.listen = "127.0.0.1:0", .tls = files}));
  ASSERT_OK_AND_ASSIGN(auto trusting, rpc::ClientCredentials(true, files.cert_file));
  std::string address = "localhost:" + std::to_string(server->port());
  EXPECT_OK(Echo(rpc::CreateChannelTo(address, trusting)));

  std::string other = folder.WriteFile("other.pem", MakeTestCertificate().certificate_pem);
  ASSERT_OK_AND_ASSIGN(auto distrusting, rpc::ClientCredentials(true, other));
  EXPECT_THAT(Echo(rpc::CreateChannelTo(address, distrusting)),
              StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_THAT(Echo(rpc::CreateChannelTo(address, grpc::InsecureChannelCredentials())),
              StatusIs(absl::StatusCode::kUnavailable));
}

TEST_F(GrpcServerTest, TlsFilesThatDoNotFitAreRefused) {
  TempDir folder;
  TestCertificate certificate = MakeTestCertificate();
  std::string cert = folder.WriteFile("cert.pem", certificate.certificate_pem);
  std::string other_key = folder.WriteFile("other.pem", MakeTestCertificate().private_key_pem);
  EXPECT_THAT(ReadTlsFiles({cert, other_key}),
              StatusIs(absl::StatusCode::kFailedPrecondition, "TLS_KEY_MISMATCH"));
  EXPECT_THAT(ReadTlsFiles({cert, ""}),
              StatusIs(absl::StatusCode::kFailedPrecondition, "TLS_FILE_UNREADABLE"));
  EXPECT_THAT(ReadTlsFiles({cert, folder / "none.pem"}),
              StatusIs(absl::StatusCode::kNotFound, "SECRET_FILE_MISSING"));
  std::filesystem::permissions(other_key, std::filesystem::perms(0644));
  EXPECT_THAT(ReadTlsFiles({cert, other_key}),
              StatusIs(absl::StatusCode::kFailedPrecondition, "SECRET_FILE_EXPOSED",
                       ::testing::HasSubstr("chmod 600 " + other_key)));
  std::filesystem::permissions(other_key, std::filesystem::perms(0600));
  EXPECT_THAT(ReadTlsFiles({other_key, other_key}),
              StatusIs(absl::StatusCode::kFailedPrecondition, "TLS_FILE_UNREADABLE"));
}

TEST_F(GrpcServerTest, MessagesUpToSixteenMebibytesAndLargeErrorsPass) {
  ASSERT_OK_AND_ASSIGN(auto server, Start({.listen = "127.0.0.1:0"}));
  auto channel = rpc::CreateChannelTo(server->address(), grpc::InsecureChannelCredentials());
  EXPECT_OK(Echo(channel, std::string(15 * 1024 * 1024, 'a')));
  EXPECT_THAT(Echo(channel, std::string(17 * 1024 * 1024, 'a')),
              StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_THAT(Echo(channel, "large error"),
              StatusIs(absl::StatusCode::kInvalidArgument, "INVALID_FIELD"));
}

TEST_F(GrpcServerTest, ShutdownWaitsForTheCallsUnderWay) {
  ASSERT_OK_AND_ASSIGN(auto server, Start({.listen = "127.0.0.1:0"}));
  auto channel = rpc::CreateChannelTo(server->address(), grpc::InsecureChannelCredentials());
  std::future<absl::StatusOr<EchoResponse>> answer = std::async(std::launch::async, [&] {
    EchoService::Stub stub(channel);
    return rpc::Call(stub, &EchoService::Stub::Wait, EchoRequest(), {});
  });
  service_.waiting.get_future().wait();
  std::thread stopper([&] { server->Shutdown(absl::Minutes(1)); });
  service_.release.set_value();
  EXPECT_OK(answer.get());
  stopper.join();
  EXPECT_THAT(Echo(channel), StatusIs(absl::StatusCode::kUnavailable));
}

}  // namespace
}  // namespace tarn::server

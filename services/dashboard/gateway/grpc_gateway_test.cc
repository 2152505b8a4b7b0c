// The gateway between a real client and a real server of the modules' own services, in one process.
#include "services/dashboard/gateway/grpc_gateway.h"

#include <thread>

#include <grpcpp/create_channel.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>

#include "tarn/catalog/v1/catalog_service.grpc.pb.h"
#include "tarn/ingestion/v1/ingestion_service.grpc.pb.h"
#include "tarn/query/v1/query_service.grpc.pb.h"

#include "common/metrics/metrics.h"
#include "common/rpc/client.h"
#include "common/rpc/status_conversion.h"
#include "common/testing/status_matchers.h"
#include "services/dashboard/gateway/gateway_metrics.h"
#include "services/dashboard/gateway/testing/fake_modules.h"

namespace tarn::dashboard {
namespace {

// Modules in this process, as in tarn-standalone, and behind a port.
class GrpcGatewayTest : public ::testing::TestWithParam<bool> {
 protected:
  GrpcGatewayTest() {
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterCallbackGenericService(&gateway_);
    server_ = builder.BuildAndStart();
    channel_ = grpc::CreateChannel("127.0.0.1:" + std::to_string(port),
                                   grpc::InsecureChannelCredentials());
  }
  ~GrpcGatewayTest() override { server_->Shutdown(std::chrono::system_clock::now()); }

  FakeModules modules_{GetParam()};
  Metrics metrics_;
  GatewayMetrics gateway_metrics_{metrics_};
  GrpcGateway gateway_{[this](const std::string& module) { return modules_.ChannelFor(module); },
                       gateway_metrics_};
  std::unique_ptr<grpc::Server> server_;
  std::shared_ptr<grpc::Channel> channel_;
};

TEST_P(GrpcGatewayTest, AUnaryCallComesThroughWithItsMetadata) {
  catalog::v1::CatalogService::Stub stub(channel_);
  catalog::v1::GetTableRequest request;
  request.set_name("databases/d/tables/t");
  grpc::ClientContext context;
  rpc::PrepareContext(context, {"the token", "request-1"});
  catalog::v1::Table table;
  grpc::Status status = stub.GetTable(&context, request, &table);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(table.name(), "databases/d/tables/t");
  EXPECT_EQ(modules_.last_metadata("authorization"), "Bearer the token");
  EXPECT_EQ(modules_.last_metadata("x-request-id"), "request-1");
  EXPECT_EQ(context.GetServerInitialMetadata().count("x-from-module"), 1u);
  EXPECT_EQ(context.GetServerTrailingMetadata().count("x-at-end"), 1u);
  EXPECT_LT(modules_.last_deadline(), std::chrono::system_clock::now() + std::chrono::minutes(1));
}

TEST_P(GrpcGatewayTest, AnErrorKeepsItsDetails) {
  catalog::v1::CatalogService::Stub stub(channel_);
  catalog::v1::GetTableRequest request;
  request.set_name("missing");
  EXPECT_THAT(rpc::Call(stub, &catalog::v1::CatalogService::Stub::GetTable, request, {}),
              StatusIs(absl::StatusCode::kNotFound, "TABLE_NOT_FOUND"));
}

TEST_P(GrpcGatewayTest, AServerStreamComesInOrder) {
  query::v1::QueryService::Stub stub(channel_);
  grpc::ClientContext context;
  query::v1::ExecuteQueryRequest request;
  request.mutable_statement()->set_sql("1000");
  auto reader = stub.ExecuteQuery(&context, request);
  query::v1::ResultChunk chunk;
  int count = 0;
  while (reader->Read(&chunk)) EXPECT_EQ(chunk.rows().row_count(), count++);
  EXPECT_TRUE(reader->Finish().ok());
  EXPECT_EQ(count, 1000);
}

TEST_P(GrpcGatewayTest, AStreamThatFailsInTheMiddleKeepsWhatCameBefore) {
  query::v1::QueryService::Stub stub(channel_);
  grpc::ClientContext context;
  query::v1::ExecuteQueryRequest request;
  request.mutable_statement()->set_sql("3 then fail");
  auto reader = stub.ExecuteQuery(&context, request);
  query::v1::ResultChunk chunk;
  int count = 0;
  while (reader->Read(&chunk)) ++count;
  EXPECT_EQ(count, 3);
  EXPECT_THAT(rpc::FromGrpcStatus(reader->Finish()),
              StatusIs(absl::StatusCode::kInvalidArgument, "SQL_ERROR"));
}

TEST_P(GrpcGatewayTest, AClientStreamArrivesWhole) {
  ingestion::v1::IngestionService::Stub stub(channel_);
  grpc::ClientContext context;
  ingestion::v1::UploadFileResponse response;
  auto writer = stub.UploadFile(&context, &response);
  ingestion::v1::UploadFileRequest request;
  request.set_chunk(std::string(100'000, 'x'));
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(writer->Write(request));
  writer->WritesDone();
  grpc::Status status = writer->Finish();
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(modules_.uploaded_bytes(), 5'000'000);
}

TEST_P(GrpcGatewayTest, AModuleMayRefuseAStreamBeforeItsEnd) {
  ingestion::v1::IngestionService::Stub stub(channel_);
  grpc::ClientContext context;
  context.AddMetadata("refuse", "1");
  ingestion::v1::UploadFileResponse response;
  auto writer = stub.UploadFile(&context, &response);
  ingestion::v1::UploadFileRequest request;
  request.set_chunk("x");
  while (writer->Write(request)) {
  }
  EXPECT_THAT(rpc::FromGrpcStatus(writer->Finish()),
              StatusIs(absl::StatusCode::kPermissionDenied, "REFUSED"));
}

TEST_P(GrpcGatewayTest, ABidirectionalStreamAnswersEachMessage) {
  grpc::ClientContext context;
  auto stream = modules_.OpenEcho(channel_, &context);
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(stream->Write(std::to_string(i)));
    EXPECT_EQ(stream->Read(), std::to_string(i));
  }
  stream->WritesDone();
  EXPECT_EQ(stream->Read(), std::nullopt);
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_P(GrpcGatewayTest, AClientThatCancelsCancelsTheModule) {
  query::v1::QueryService::Stub stub(channel_);
  grpc::ClientContext context;
  query::v1::ExecuteQueryRequest request;
  request.mutable_statement()->set_sql("hang");
  auto reader = stub.ExecuteQuery(&context, request);
  query::v1::ResultChunk chunk;
  ASSERT_TRUE(reader->Read(&chunk));
  context.TryCancel();
  EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::CANCELLED);
  EXPECT_TRUE(modules_.WaitForCancellation());
}

TEST_P(GrpcGatewayTest, ADeadlineReachesTheModule) {
  query::v1::QueryService::Stub stub(channel_);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(200));
  query::v1::ExecuteQueryRequest request;
  request.mutable_statement()->set_sql("hang");
  auto reader = stub.ExecuteQuery(&context, request);
  query::v1::ResultChunk chunk;
  while (reader->Read(&chunk)) {
  }
  EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_TRUE(modules_.WaitForCancellation());
}

TEST_P(GrpcGatewayTest, AnUnknownServiceIsToldWhatThereIs) {
  grpc::GenericStub stub(channel_);
  grpc::ClientContext context;
  grpc::Slice empty("");
  grpc::ByteBuffer request(&empty, 1);
  grpc::ByteBuffer response;
  grpc::Status status = CallGeneric(stub, context, "/acme.v1.Service/Do", request, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNIMPLEMENTED);
  EXPECT_THAT(status.error_message(), ::testing::HasSubstr("tarn.catalog.v1.CatalogService"));
  grpc::ClientContext own;
  status = CallGeneric(stub, own, "/tarn.dashboard.v1.AuthService/Nothing", request, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNIMPLEMENTED);
}

// Not in process: gRPC 1.51 dies when such a channel outlives its server, and common/server stops
// no server before all gates are closed.
using GrpcGatewayOverTcpTest = GrpcGatewayTest;

TEST_P(GrpcGatewayOverTcpTest, AModuleThatIsNotThereIsUnavailable) {
  modules_.Stop();
  catalog::v1::CatalogService::Stub stub(channel_);
  const absl::Status status = rpc::Call(stub, &catalog::v1::CatalogService::Stub::GetTable,
                                        catalog::v1::GetTableRequest(), {})
                                  .status();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kUnavailable, "MODULE_UNAVAILABLE"));
  EXPECT_EQ(ErrorMetadataOf(status).at("module"), "catalog");
  // Nothing of the inner network.
  EXPECT_THAT(std::string(status.message()), ::testing::Not(::testing::HasSubstr("127.0.0.1")));
}

INSTANTIATE_TEST_SUITE_P(Modules, GrpcGatewayOverTcpTest, ::testing::Values(false));
INSTANTIATE_TEST_SUITE_P(Modules, GrpcGatewayTest, ::testing::Bool(),
                         [](const auto& test) { return test.param ? "InProcess" : "OverTcp"; });

}  // namespace
}  // namespace tarn::dashboard

#include "services/ingestion/activity/query_relation_source.h"

#include <absl/strings/str_cat.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>

#include "tarn/query/v1/query_service.grpc.pb.h"

#include "common/clock/fake_clock.h"
#include "common/rpc/status_conversion.h"
#include "common/status/error.h"
#include "common/testing/status_matchers.h"

namespace tarn::ingestion {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class FakeQuery : public query::v1::QueryService::Service {
 public:
  grpc::Status ExecuteQuery(grpc::ServerContext* context,
                            const query::v1::ExecuteQueryRequest* request,
                            grpc::ServerWriter<query::v1::ResultChunk>* writer) override {
    sql = request->statement().sql();
    const auto bearer = context->client_metadata().find("authorization");
    if (bearer != context->client_metadata().end()) {
      authorization = std::string(bearer->second.data(), bearer->second.size());
    }
    if (!status.ok()) return rpc::ToGrpcStatus(status);
    query::v1::ResultChunk chunk;
    for (const auto& [name, type] : columns) {
      query::v1::ResultColumn& column = *chunk.mutable_schema()->add_columns();
      column.set_name(name);
      column.set_type(type);
    }
    writer->Write(chunk);
    for (const std::string& batch : batches) {
      chunk.mutable_rows()->set_data(batch);
      chunk.mutable_rows()->set_row_count(rows_per_batch);
      writer->Write(chunk);
    }
    return grpc::Status::OK;
  }

  std::vector<std::pair<std::string, std::string>> columns = {{"k", "string"},
                                                              {"v", "decimal(10,2)"}};
  std::vector<std::string> batches;
  int64_t rows_per_batch = 1;
  absl::Status status;
  std::string sql;
  std::string authorization;
};

// Tokens that say for whom they are.
class NamedTokens : public auth::TokenProvider {
 public:
  absl::StatusOr<std::string> ServiceToken() override { return "service"; }
  absl::StatusOr<std::string> TokenFor(std::string_view workspace, std::string_view user) override {
    return absl::StrCat(std::string(workspace), "-", std::string(user));
  }
};

class QueryRelationSourceTest : public ::testing::Test {
 protected:
  QueryRelationSourceTest() {
    grpc::ServerBuilder builder;
    builder.RegisterService(&query_);
    server_ = builder.BuildAndStart();
    services_.Set("query", server_->InProcessChannel({}));
  }
  ~QueryRelationSourceTest() override { server_->Shutdown(); }

  FakeQuery query_;
  std::unique_ptr<grpc::Server> server_;
  rpc::ServiceDirectory services_;
  NamedTokens tokens_;
  FakeClock clock_;
  // Never asked here.
  PostgresPool pool_{{}};
  DeviceStore store_{pool_, 1};
  DeviceRegistry devices_{store_, clock_};
  QueryRelationSource source_{services_, tokens_, devices_};
};

constexpr char kTable[] = "databases/d/tables/t";

TEST_F(QueryRelationSourceTest, AsksAsTheOwnerAndKeepsTheRowsAsTheyCome) {
  query_.batches = {"[\"a\",\"1.50\"]\n", "[\"b\",null]\n"};
  ASSERT_OK_AND_ASSIGN(const RelationRows rows,
                       source_.ReadTable("default", "ann", kTable, {"k", "v\"x"}));
  EXPECT_EQ(query_.sql, "SELECT \"k\", \"v\"\"x\" FROM \"d\".\"t\" LIMIT 100001");
  EXPECT_EQ(query_.authorization, "Bearer default-ann");
  EXPECT_THAT(rows.batches, ElementsAre("[\"a\",\"1.50\"]\n", "[\"b\",null]\n"));
  EXPECT_EQ(rows.row_count, 2);
  ASSERT_OK_AND_ASSIGN(const table_schema::Fields fields,
                       source_.DescribeTable("default", "ann", kTable, {"k", "v"}));
  EXPECT_EQ(fields[1].type(), "decimal(10,2)");
  EXPECT_THAT(query_.sql, HasSubstr("LIMIT 0"));
}

TEST_F(QueryRelationSourceTest, RefusesWhatIsTooLargeOrNotPlain) {
  query_.batches = {"[]\n", "[]\n"};
  query_.rows_per_batch = kMaxRelationRows / 2 + 1;
  EXPECT_THAT(source_.ReadTable("default", "ann", kTable, {"k", "v"}),
              StatusIs(absl::StatusCode::kResourceExhausted, "LOOKUP_TOO_LARGE"));
  query_.rows_per_batch = 1;
  query_.batches.assign(65, std::string(1 << 20, ' '));
  EXPECT_THAT(source_.ReadTable("default", "ann", kTable, {"k", "v"}),
              StatusIs(absl::StatusCode::kResourceExhausted, "LOOKUP_TOO_LARGE"));
  query_.batches.clear();
  query_.columns[1].second = "struct<a: long>";
  EXPECT_THAT(source_.DescribeTable("default", "ann", kTable, {"k", "v"}),
              StatusIs(absl::StatusCode::kInvalidArgument, "TYPE_NOT_SUPPORTED",
                       HasSubstr("struct<a: long>")));
}

TEST_F(QueryRelationSourceTest, ErrorsOfQueryKeepTheirReason) {
  query_.status = NotFound("TABLE_NOT_FOUND", "table d.t does not exist");
  EXPECT_THAT(source_.DescribeTable("default", "ann", kTable, {"k", "v"}),
              StatusIs(absl::StatusCode::kNotFound, "TABLE_NOT_FOUND"));
  EXPECT_EQ(source_.ReadTable("default", "ann", "t", {"k"}).status().code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace tarn::ingestion

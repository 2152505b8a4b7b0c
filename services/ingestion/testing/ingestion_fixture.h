// A running ingestion module on a real PostgreSQL, a real disk and a fake catalog, for tests.
#pragma once

#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>

#include "common/digest/sha256.h"
#include "common/duckdb/database.h"
#include "common/duckdb/sql_text.h"
#include "common/failpoint/failpoint.h"
#include "common/postgres/testing/test_database.h"
#include "common/rpc/client.h"
#include "common/server/grpc_server.h"
#include "common/table_schema/table_reader.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "services/ingestion/testing/fake_catalog.h"
#include "services/ingestion/testing/test_ingestion.h"

namespace tarn::ingestion {

namespace fs = std::filesystem;
using Stub = v1::IngestionService::Stub;

inline constexpr absl::Duration kWait = absl::Seconds(30);

// What the committed files of a table say to `select`, "v1|v2" a row.
inline std::vector<std::string> Query(const FakeCatalog& catalog, const fs::path& lake,
                                      const std::string& stream, const std::string& select) {
  const std::string table = TableName(stream);
  if (catalog.Files(table).empty()) return {};
  auto db = duckdb::Database::Open({.threads = 1});
  auto connection = db->Connect();
  auto result = connection->Query(
      "SELECT " + select + " FROM (" +
      table_schema::ReaderSql(catalog.TableOf(table), catalog.Files(table), lake.string()) + ")");
  EXPECT_OK(result);
  std::vector<std::string> rows;
  if (!result.ok()) return rows;
  for (uint64_t i = 0; i < result->row_count(); ++i) {
    const duckdb::Value value = result->At(i, 0);
    rows.push_back(value.IsNull() ? "NULL" : *value.As<std::string>());
  }
  return rows;
}

class IngestionPgTest : public ::testing::Test {
 protected:
  void SetUp() override {
    fs::create_directories(lake_);
    fs::create_directories(state_);
    auto server = server::GrpcServer::Start(
        {.module = "catalog", .listen = "127.0.0.1:0"},
        [&](grpc::ServerBuilder& builder) { builder.RegisterService(&catalog_); });
    ASSERT_OK(server);
    catalog_server_ = *std::move(server);
    Start(Options());
  }
  // Of the first start.
  virtual IngestionOptions Options() { return {}; }
  void TearDown() override {
    failpoint::DisarmAll();
    ingestion_.reset();
    catalog_server_->Shutdown(absl::Seconds(1));
  }
  void Start(const IngestionOptions& options = {}) {
    ingestion_.reset();
    ingestion_ = std::make_unique<TestIngestion>(
        TestIngestion::Places{
            database_.dsn(), lake_, state_,
            rpc::CreateChannelTo(catalog_server_->address(), *rpc::ClientCredentials(false, ""))},
        options);
    ingestion_->WaitUntilReady();
  }
  std::vector<std::string> Rows(const std::string& stream, const std::string& select) {
    auto rows = Query(catalog_, lake_, stream, select);
    std::sort(rows.begin(), rows.end());
    return rows;
  }
  template <typename Response, typename Method, typename Request>
  absl::StatusOr<Response> Call(Method method, const Request& request) {
    grpc::ClientContext context;
    ingestion_->Prepare(context);
    Response response;
    const grpc::Status status = (ingestion_->stub().*method)(&context, request, &response);
    if (!status.ok()) return rpc::FromGrpcStatus(status);
    return response;
  }
  void SetNewFieldPolicy(const std::string& stream, v1::NewFieldPolicy policy) {
    v1::UpdateStreamRequest update;
    update.mutable_stream()->set_name("streams/" + stream);
    update.mutable_stream()->set_new_field_policy(policy);
    update.mutable_update_mask()->add_paths("new_field_policy");
    EXPECT_OK(Call<v1::Stream>(&Stub::UpdateStream, update));
  }
  absl::StatusOr<v1::UploadFileResponse> Upload(const std::string& content,
                                                const std::string& sha256 = "",
                                                const std::string& file_name = "a.json") {
    grpc::ClientContext context;
    ingestion_->Prepare(context);
    v1::UploadFileResponse response;
    auto writer = ingestion_->stub().UploadFile(&context, &response);
    v1::UploadFileRequest message;
    auto* header = message.mutable_header();
    header->set_table("databases/smart_hub/tables/usage_json");
    header->set_file_name(file_name);
    header->add_partitions("dt=2020-01-01");
    Sha256 digest;
    digest.Update(content);
    header->set_sha256(sha256.empty() ? digest.Hex() : sha256);
    writer->Write(message);
    for (size_t at = 0; at < content.size(); at += 1000) {
      message.set_chunk(content.substr(at, 1000));
      if (!writer->Write(message)) break;
    }
    writer->WritesDone();
    const grpc::Status status = writer->Finish();
    if (!status.ok()) return rpc::FromGrpcStatus(status);
    return response;
  }
  std::vector<std::string> EventTypes() {
    auto types = database_.pool().RunReadOnly(
        [](Transaction& txn) -> absl::StatusOr<std::vector<std::string>> {
          std::vector<std::string> out;
          for (const Row row : txn.Exec("SELECT type FROM events.outbox ORDER BY xid, seq")) {
            out.push_back(row.Get<std::string>("type"));
          }
          return out;
        });
    EXPECT_OK(types);
    return types.ok() ? *types : std::vector<std::string>();
  }
  fs::path UploadedPath() const {
    return lake_ / "default/landing/smart_hub/usage_json/dt=2020-01-01/a.json";
  }
  size_t LeftoverCount() const {
    size_t count = 0;
    std::error_code error;
    for ([[maybe_unused]] const auto& entry :
         fs::directory_iterator(lake_ / "default/.uploads", error)) {
      ++count;
    }
    return count;
  }

  TempDir dir_;
  const fs::path lake_ = dir_ / "lake";
  const fs::path state_ = dir_ / "state";
  TestDatabase database_;
  FakeCatalog catalog_;
  std::unique_ptr<server::GrpcServer> catalog_server_;
  std::unique_ptr<TestIngestion> ingestion_;
};

}  // namespace tarn::ingestion

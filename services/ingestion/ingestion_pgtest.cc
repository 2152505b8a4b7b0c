// The module as a whole: a real PostgreSQL, a real disk, a fake catalog.
#include <chrono>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <spawn.h>
#include <thread>
#include <unistd.h>

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>
#include <gmock/gmock.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include "common/duckdb/database.h"
#include "common/duckdb/sql_text.h"
#include "common/failpoint/failpoint.h"
#include "common/postgres/testing/test_database.h"
#include "common/rpc/client.h"
#include "common/server/grpc_server.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "common/testing/test_data.h"
#include "services/ingestion/testing/fake_catalog.h"
#include "services/ingestion/testing/test_ingestion.h"
#include "services/ingestion/upload/sha256.h"

namespace tarn::ingestion {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

namespace fs = std::filesystem;
using Stub = v1::IngestionService::Stub;

// What the committed files of a table say to `select`, "v1|v2" a row.
std::vector<std::string> Query(const FakeCatalog& catalog, const fs::path& lake,
                               const std::string& stream, const std::string& select) {
  std::vector<std::string> paths;
  for (const std::string& file : catalog.Files(TableName(stream))) paths.push_back(lake / file);
  if (paths.empty()) return {};
  auto db = duckdb::Database::Open({.threads = 1});
  auto connection = db->Connect();
  auto result = connection->Query("SELECT " + select + " FROM read_parquet(" +
                                  duckdb::QuoteLiteralList(paths) +
                                  ", hive_partitioning=false, union_by_name=true)");
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
    Start();
  }
  void TearDown() override {
    failpoint::DisarmAll();
    ingestion_.reset();
    catalog_server_->Shutdown(absl::Seconds(1));
  }
  void Start() {
    ingestion_.reset();
    ingestion_ = std::make_unique<TestIngestion>(TestIngestion::Places{
        database_.dsn(), lake_, state_,
        rpc::CreateChannelTo(catalog_server_->address(), *rpc::ClientCredentials(false, ""))});
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

constexpr absl::Duration kWait = absl::Seconds(30);

TEST_F(IngestionPgTest, DeviceMessagesArriveWithTheColumnsAsSent) {
  ASSERT_OK(ingestion_->CreateStream("device_messages"));
  ASSERT_OK(ingestion_->Put(
      "device_messages",
      {R"({"data":{"co":0.0045,"light":true},"device_id":"5e","ts":1594598735.75,"device":"d1"})",
       R"({"data":{"co":0.0117,"light":false},"device_id":"0e","ts":1594598736,"device":"d2"})"}));
  ASSERT_OK_AND_ASSIGN(const v1::Stream stream, ingestion_->Flush("device_messages", kWait));
  EXPECT_EQ(stream.statistics().acknowledged_records(), 2);
  EXPECT_EQ(stream.statistics().delivered_records(), 2);
  EXPECT_EQ(stream.statistics().dead_letter_records(), 0);
  std::vector<std::string> columns;
  const catalog::v1::Table table = catalog_.TableOf(TableName("device_messages"));
  for (const auto& field : table.schema().fields()) {
    columns.push_back(field.name() + " " + field.type());
  }
  EXPECT_THAT(columns,
              ElementsAre("data struct", "device_id string", "ts double", "device string"));
  EXPECT_THAT(Rows("device_messages", "device || ' ' || data.co || ' ' || ts"),
              ElementsAre("d1 0.0045 1594598735.75", "d2 0.0117 1594598736.0"));
}

TEST_F(IngestionPgTest, RecordsAreAnsweredInTheirOrderAndPartlyRefused) {
  ASSERT_OK(ingestion_->CreateStream("s"));
  ASSERT_OK_AND_ASSIGN(const auto response,
                       ingestion_->Put("s", {R"({"a":1})", "{broken", "[1]", R"({"a":2})"}));
  EXPECT_EQ(response.failed_count(), 2);
  EXPECT_EQ(response.results(0).position(), 0);
  EXPECT_EQ(response.results(1).error_reason(), "INVALID_JSON");
  EXPECT_FALSE(response.results(1).has_position());
  EXPECT_EQ(response.results(2).error_reason(), "NOT_AN_OBJECT");
  EXPECT_EQ(response.results(3).position(), 1);
  EXPECT_THAT(ingestion_->Put("missing", {"{}"}),
              StatusIs(absl::StatusCode::kNotFound, "STREAM_NOT_FOUND"));
  EXPECT_THAT(ingestion_->Put("s", {}), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(IngestionPgTest, ARequestIdStoresOnceAlsoAcrossARestart) {
  ASSERT_OK(ingestion_->CreateStream("s"));
  ASSERT_OK(ingestion_->Put("s", {R"({"a":1})", "bad"}, "request"));
  Start();
  ASSERT_OK_AND_ASSIGN(const auto again, ingestion_->Put("s", {R"({"a":1})", "bad"}, "request"));
  EXPECT_TRUE(again.replayed());
  EXPECT_EQ(again.results(0).position(), 0);
  EXPECT_EQ(again.failed_count(), 1);
  ASSERT_OK(ingestion_->Flush("s", kWait));
  EXPECT_THAT(Rows("s", "a::varchar"), ElementsAre("1"));
  EXPECT_THAT(ingestion_->Put("s", {R"({"a":2})"}, "request"),
              StatusIs(absl::StatusCode::kFailedPrecondition, "REQUEST_ID_REUSED"));
}

TEST_F(IngestionPgTest, WhatDoesNotFitGoesToTheDeadLetters) {
  ASSERT_OK(ingestion_->CreateStream("s"));
  ASSERT_OK(ingestion_->Put("s", {R"({"n":1,"o":{"x":1}})", R"({"n":true})", R"({"n":"12"})",
                                  R"({"n":2,"o":{"x":1.5}})", R"({"n":99999999999999999999})"}));
  ASSERT_OK_AND_ASSIGN(const v1::Stream stream, ingestion_->Flush("s", kWait));
  EXPECT_EQ(stream.statistics().delivered_records() + stream.statistics().dead_letter_records(), 5);
  // 1.5 among the first records makes o.x a double.
  EXPECT_THAT(Rows("s", "n::varchar"), ElementsAre("1", "2"));
  ASSERT_OK_AND_ASSIGN(const auto letters, ingestion_->DeadLetters("s"));
  EXPECT_EQ(letters.total_size(), 3);
  EXPECT_EQ(letters.dead_letters(0).reason(), "OUT_OF_RANGE");
  EXPECT_EQ(letters.dead_letters(2).reason(), "TYPE_MISMATCH");
  EXPECT_EQ(letters.dead_letters(2).field(), "n");
  EXPECT_EQ(letters.dead_letters(2).payload(), R"({"n":true})");
  EXPECT_EQ(letters.dead_letters(2).position(), 1);
  EXPECT_THAT(EventTypes(), ElementsAre("tarn.ingestion.dead_letters.added"));
}

TEST_F(IngestionPgTest, ABatchOfDeadLettersAloneIsDelivered) {
  ASSERT_OK(ingestion_->CreateStream("s"));
  ASSERT_OK(ingestion_->Put("s", {R"({"n":1})"}));
  ASSERT_OK(ingestion_->Flush("s", kWait));
  ASSERT_OK(ingestion_->Put("s", {R"({"n":"x"})"}));
  ASSERT_OK(ingestion_->Flush("s", kWait));
  Start();
  ASSERT_OK(ingestion_->Put("s", {R"({"n":2})"}));
  ASSERT_OK_AND_ASSIGN(const v1::Stream stream, ingestion_->Flush("s", kWait));
  EXPECT_THAT(Rows("s", "n::varchar"), ElementsAre("1", "2"));
  EXPECT_EQ(stream.statistics().delivered_records(), 2);
  EXPECT_EQ(stream.statistics().dead_letter_records(), 1);
  EXPECT_EQ(stream.statistics().delivered_position(), 3);
}

TEST_F(IngestionPgTest, NewFieldsBecomeColumns) {
  ASSERT_OK(ingestion_->CreateStream("s"));
  ASSERT_OK(ingestion_->Put("s", {R"({"a":1})"}));
  ASSERT_OK(ingestion_->Flush("s", kWait));
  catalog_.SetLastFieldId(5);  // columns were added and dropped meanwhile
  ASSERT_OK(ingestion_->Put("s", {R"({"a":2,"b":{"c":"x"},"n":null})", R"({"a":3})"}));
  ASSERT_OK_AND_ASSIGN(const v1::Stream stream, ingestion_->Flush("s", kWait));
  EXPECT_EQ(stream.statistics().dead_letter_records(), 0);
  EXPECT_EQ(catalog_.TableOf(TableName("s")).schema().fields_size(), 2);
  EXPECT_GT(catalog_.TableOf(TableName("s")).schema().fields(1).id(), 5);
  EXPECT_THAT(Rows("s", "a || coalesce(b.c, '-')"), ElementsAre("1-", "2x", "3-"));
}

TEST_F(IngestionPgTest, AnUpdateWithWhatIsThereAlreadyChangesNothing) {
  ASSERT_OK_AND_ASSIGN(const v1::Stream made, ingestion_->CreateStream("s"));
  v1::UpdateStreamRequest update;
  update.mutable_stream()->set_name(made.name());
  update.mutable_stream()->set_table(made.table());
  *update.mutable_stream()->mutable_delivery() = made.delivery();
  ASSERT_OK_AND_ASSIGN(const v1::Stream updated, Call<v1::Stream>(&Stub::UpdateStream, update));
  EXPECT_EQ(updated.etag(), made.etag());
}

TEST_F(IngestionPgTest, NewFieldsAreRefusedWhereTheStreamSaysSo) {
  ASSERT_OK_AND_ASSIGN(const v1::Stream made, ingestion_->CreateStream("s"));
  SetNewFieldPolicy("s", v1::NEW_FIELD_POLICY_REJECT);
  EXPECT_NE(ingestion_->Get("s")->etag(), made.etag());
  ASSERT_OK(ingestion_->Put("s", {R"({"a":1})"}));
  ASSERT_OK(ingestion_->Flush("s", kWait));
  ASSERT_OK(ingestion_->Put("s", {R"({"a":2,"b":3})"}));
  ASSERT_OK(ingestion_->Flush("s", kWait));
  ASSERT_OK_AND_ASSIGN(const auto letters, ingestion_->DeadLetters("s"));
  ASSERT_EQ(letters.dead_letters_size(), 1);
  EXPECT_EQ(letters.dead_letters(0).reason(), "UNKNOWN_FIELD");
  EXPECT_EQ(letters.dead_letters(0).field(), "b");
}

TEST_F(IngestionPgTest, DeadLettersAreReplayedOnceAfterAMend) {
  ASSERT_OK(ingestion_->CreateStream("s"));
  ASSERT_OK(ingestion_->Put("s", {R"({"a":1})"}));
  ASSERT_OK(ingestion_->Flush("s", kWait));
  SetNewFieldPolicy("s", v1::NEW_FIELD_POLICY_REJECT);
  ASSERT_OK(ingestion_->Put("s", {R"({"a":2,"b":"x"})", R"({"a":"bad"})", R"({"a":3,"b":"y"})"}));
  ASSERT_OK(ingestion_->Flush("s", kWait));
  SetNewFieldPolicy("s", v1::NEW_FIELD_POLICY_ADD_COLUMN);
  const auto replay = [&](const std::string& reason) {
    v1::ReplayDeadLettersRequest request;
    request.set_parent("streams/s");
    request.mutable_selection()->set_reason(reason);
    return Call<v1::ReplayDeadLettersResponse>(&Stub::ReplayDeadLetters, request);
  };
  // Cut short on both sides of the append, it goes on where it was.
  for (const char* point : {"ingestion.replay.after_claim", "ingestion.replay.before_mark"}) {
    const failpoint::ScopedFailpoint cut(point, "error(UNAVAILABLE)*1");
    EXPECT_THAT(replay("UNKNOWN_FIELD"), StatusIs(absl::StatusCode::kUnavailable));
  }
  ASSERT_OK_AND_ASSIGN(const auto replayed, replay("UNKNOWN_FIELD"));
  EXPECT_EQ(replayed.replayed_count(), 2);
  EXPECT_EQ(replay("UNKNOWN_FIELD")->replayed_count(), 0);
  ASSERT_OK_AND_ASSIGN(v1::Stream stream, ingestion_->Flush("s", kWait));
  EXPECT_THAT(Rows("s", "a || coalesce(b, '-')"), ElementsAre("1-", "2x", "3y"));
  EXPECT_EQ(stream.statistics().waiting_dead_letters(), 1);
  ASSERT_OK_AND_ASSIGN(auto letters, ingestion_->DeadLetters("s"));
  ASSERT_EQ(letters.total_size(), 1);
  EXPECT_EQ(letters.reason_counts().at("TYPE_MISMATCH"), 1);
  EXPECT_EQ(letters.dead_letters(0).attempts(), 1);
  // What fails again is a new letter with an attempt more.
  ASSERT_OK_AND_ASSIGN(const auto again, replay(""));
  EXPECT_EQ(again.replayed_count(), 1);
  ASSERT_OK_AND_ASSIGN(stream, ingestion_->Flush("s", kWait));
  EXPECT_EQ(stream.statistics().acknowledged_records(), 7);
  EXPECT_EQ(stream.statistics().delivered_records(), 3);
  EXPECT_EQ(stream.statistics().dead_letter_records(), 4);
  EXPECT_EQ(stream.statistics().waiting_dead_letters(), 1);
  ASSERT_OK_AND_ASSIGN(letters, ingestion_->DeadLetters("s"));
  ASSERT_EQ(letters.total_size(), 1);
  EXPECT_EQ(letters.dead_letters(0).attempts(), 2);
  EXPECT_EQ(letters.dead_letters(0).payload(), R"({"a":"bad"})");
  EXPECT_THAT(EventTypes(), ::testing::Contains("tarn.ingestion.dead_letters.replayed"));
}

TEST_F(IngestionPgTest, AReplayThatAKillCutShortIsEndedAtTheNextStart) {
  ASSERT_OK(ingestion_->CreateStream("s"));
  ASSERT_OK(ingestion_->Put("s", {R"({"a":1})", R"({"a":"x"})"}));
  ASSERT_OK(ingestion_->Flush("s", kWait));
  {
    const failpoint::ScopedFailpoint cut("ingestion.replay.before_mark", "error(UNAVAILABLE)");
    v1::ReplayDeadLettersRequest request;
    request.set_parent("streams/s");
    EXPECT_THAT(Call<v1::ReplayDeadLettersResponse>(&Stub::ReplayDeadLetters, request),
                StatusIs(absl::StatusCode::kUnavailable));
    ingestion_.reset();
  }
  Start();
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (ingestion_->Flush("s", kWait)->statistics().dead_letter_records() < 2 &&
         std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  v1::Stream stream;
  do {
    ASSERT_OK_AND_ASSIGN(stream, ingestion_->Get("s"));
  } while (stream.statistics().waiting_dead_letters() != 1 &&
           std::chrono::steady_clock::now() < deadline);
  EXPECT_EQ(stream.statistics().acknowledged_records(), 3);
  EXPECT_EQ(stream.statistics().waiting_dead_letters(), 1);
  EXPECT_EQ(ingestion_->DeadLetters("s")->dead_letters(0).attempts(), 2);
}

TEST_F(IngestionPgTest, DeadLettersKeepAStreamUntilTheyArePurged) {
  ASSERT_OK(ingestion_->CreateStream("s"));
  ASSERT_OK(ingestion_->Put("s", {R"({"a":1})", R"({"a":"x"})", R"({"a":"y"})"}));
  ASSERT_OK(ingestion_->Flush("s", kWait));
  v1::DeleteStreamRequest remove;
  remove.set_name("streams/s");
  EXPECT_THAT(Call<v1::DeleteStreamResponse>(&Stub::DeleteStream, remove),
              StatusIs(absl::StatusCode::kFailedPrecondition, "STREAM_HAS_DEAD_LETTERS"));
  ASSERT_OK(ingestion_->Put("s", {R"({"a":2})"}));  // it goes on as before
  ASSERT_OK(ingestion_->Flush("s", kWait));
  ASSERT_OK_AND_ASSIGN(const auto letters, ingestion_->DeadLetters("s"));
  v1::PurgeDeadLettersRequest purge;
  purge.set_parent("streams/s");
  purge.mutable_selection()->add_names("streams/other/deadLetters/1");
  EXPECT_THAT(Call<v1::PurgeDeadLettersResponse>(&Stub::PurgeDeadLetters, purge),
              StatusIs(absl::StatusCode::kInvalidArgument, "INVALID_FIELD"));
  purge.mutable_selection()->set_names(0, letters.dead_letters(0).name());
  EXPECT_EQ(Call<v1::PurgeDeadLettersResponse>(&Stub::PurgeDeadLetters, purge)->purged_count(), 1);
  EXPECT_EQ(ingestion_->DeadLetters("s")->dead_letters(0).payload(), R"({"a":"x"})");
  purge.clear_selection();
  EXPECT_EQ(Call<v1::PurgeDeadLettersResponse>(&Stub::PurgeDeadLetters, purge)->purged_count(), 1);
  EXPECT_EQ(ingestion_->Get("s")->statistics().waiting_dead_letters(), 0);
  EXPECT_THAT(EventTypes(), ::testing::Contains("tarn.ingestion.dead_letters.purged"));
  EXPECT_OK(Call<v1::DeleteStreamResponse>(&Stub::DeleteStream, remove));
}

TEST_F(IngestionPgTest, RecordsAreTakenWhileTheCatalogIsAway) {
  ASSERT_OK(ingestion_->CreateStream("s"));
  catalog_.FailWith(Unavailable("AWAY", "the catalog is away"));
  ASSERT_OK(ingestion_->Put("s", {R"({"a":1})"}));
  EXPECT_THAT(ingestion_->Flush("s", absl::Milliseconds(300)),
              StatusIs(absl::StatusCode::kDeadlineExceeded, "FLUSH_TIMEOUT",
                       HasSubstr("the catalog is away")));
  EXPECT_THAT(ingestion_->Get("s")->statistics().delivery_error(), HasSubstr("AWAY"));
  catalog_.FailWith(absl::OkStatus());
  ASSERT_OK_AND_ASSIGN(const v1::Stream stream, ingestion_->Flush("s", kWait));
  EXPECT_EQ(stream.statistics().delivery_error(), "");
  EXPECT_THAT(Rows("s", "a::varchar"), ElementsAre("1"));
}

TEST_F(IngestionPgTest, ACommitWhoseAnswerWasLostIsNotDoubled) {
  ASSERT_OK(ingestion_->CreateStream("s"));
  catalog_.LoseNextAnswer();
  ASSERT_OK(ingestion_->Put("s", {R"({"a":1})"}));
  ASSERT_OK(ingestion_->Flush("s", kWait));
  EXPECT_THAT(Rows("s", "a::varchar"), ElementsAre("1"));
  EXPECT_EQ(catalog_.commit_count(), 1);
}

TEST_F(IngestionPgTest, ATableThatWasDroppedIsMadeAgain) {
  ASSERT_OK(ingestion_->CreateStream("s"));
  ASSERT_OK(ingestion_->Put("s", {R"({"a":1})"}));
  ASSERT_OK(ingestion_->Flush("s", kWait));
  catalog_.Drop(TableName("s"));
  ASSERT_OK(ingestion_->Put("s", {R"({"b":"x"})"}));
  ASSERT_OK(ingestion_->Flush("s", kWait));
  EXPECT_THAT(Rows("s", "b"), ElementsAre("x"));
}

TEST_F(IngestionPgTest, RecordsAreDeliveredByTheirAge) {
  v1::CreateStreamRequest request;
  request.mutable_stream()->set_name("streams/s");
  request.mutable_stream()->set_table(TableName("s"));
  request.mutable_stream()->mutable_delivery()->mutable_max_delay()->set_nanos(100'000'000);
  grpc::ClientContext context;
  ingestion_->Prepare(context);
  v1::Stream stream;
  ASSERT_TRUE(ingestion_->stub().CreateStream(&context, request, &stream).ok());
  ASSERT_OK(ingestion_->Put("s", {R"({"a":1})"}));
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (catalog_.commit_count() == 0 && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_THAT(Rows("s", "a::varchar"), ElementsAre("1"));
}

TEST_F(IngestionPgTest, AStreamIsDeletedOnlyWhenItIsDrained) {
  ASSERT_OK(ingestion_->CreateStream("s"));
  EXPECT_THAT(ingestion_->CreateStream("s"),
              StatusIs(absl::StatusCode::kAlreadyExists, "STREAM_EXISTS"));
  ASSERT_OK(ingestion_->Put("s", {R"({"a":1})"}));
  const auto remove = [&] {
    grpc::ClientContext context;
    ingestion_->Prepare(context);
    v1::DeleteStreamRequest request;
    request.set_name("streams/s");
    v1::DeleteStreamResponse response;
    return rpc::FromGrpcStatus(ingestion_->stub().DeleteStream(&context, request, &response));
  };
  EXPECT_THAT(remove(), StatusIs(absl::StatusCode::kFailedPrecondition, "STREAM_NOT_DRAINED"));
  ASSERT_OK(ingestion_->Flush("s", kWait));
  ASSERT_OK(remove());
  EXPECT_THAT(ingestion_->Put("s", {R"({"a":1})"}),
              StatusIs(absl::StatusCode::kNotFound, "STREAM_NOT_FOUND"));
  // Made again, it begins anew and doubles nothing.
  ASSERT_OK(ingestion_->CreateStream("s"));
  ASSERT_OK(ingestion_->Put("s", {R"({"a":2})"}));
  ASSERT_OK(ingestion_->Flush("s", kWait));
  EXPECT_THAT(Rows("s", "a::varchar"), ElementsAre("1", "2"));
}

TEST_F(IngestionPgTest, AMalformedStreamIsRefusedWithEveryField) {
  v1::CreateStreamRequest request;
  request.mutable_stream()->set_name("streams/Bad Name");
  request.mutable_stream()->set_table("iot.x");
  request.mutable_stream()->mutable_delivery()->set_max_bytes(7);
  grpc::ClientContext context;
  ingestion_->Prepare(context);
  v1::Stream stream;
  const absl::Status status =
      rpc::FromGrpcStatus(ingestion_->stub().CreateStream(&context, request, &stream));
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument, "INVALID_FIELD"));
  std::vector<std::string> fields;
  for (const FieldViolation& violation : FieldViolationsOf(status))
    fields.push_back(violation.field);
  EXPECT_THAT(fields,
              UnorderedElementsAre("stream.name", "stream.table", "stream.delivery.max_bytes"));
}

TEST_F(IngestionPgTest, RecordsAreTakenWhilePostgresIsAway) {
  ASSERT_OK(ingestion_->CreateStream("s"));
  ASSERT_OK(ingestion_->Put("s", {R"({"a":1})"}));
  ASSERT_OK(ingestion_->Flush("s", kWait));
  database_.BreakConnections();
  ASSERT_OK(ingestion_->Put("s", {R"({"a":2})"}));
  ASSERT_OK(ingestion_->Flush("s", kWait));
  EXPECT_THAT(Rows("s", "a::varchar"), ElementsAre("1", "2"));
}

// ---- Uploads ------------------------------------------------------------------------------------

TEST_F(IngestionPgTest, AnUploadedFileAppearsWholeWithItsEvent) {
  const std::string content(12'345, 'x');
  ASSERT_OK_AND_ASSIGN(const auto first, Upload(content));
  EXPECT_EQ(first.outcome(), "CREATED");
  EXPECT_EQ(first.path(), "smart_hub/usage_json/dt=2020-01-01/a.json");
  EXPECT_EQ(ReadFile(UploadedPath()), content);
  EXPECT_EQ(Upload(content)->outcome(), "UNCHANGED");
  EXPECT_EQ(Upload("other")->outcome(), "REPLACED");
  EXPECT_EQ(ReadFile(UploadedPath()), "other");
  EXPECT_EQ(LeftoverCount(), 0u);
  EXPECT_THAT(EventTypes(),
              ElementsAre("tarn.ingestion.file.uploaded", "tarn.ingestion.file.uploaded"));
}

TEST_F(IngestionPgTest, AWrongChecksumLeavesNothing) {
  const absl::Status status = Upload("content", std::string(64, '0')).status();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument, "CHECKSUM_MISMATCH",
                               HasSubstr(std::string(64, '0'))));
  EXPECT_FALSE(fs::exists(UploadedPath()));
  EXPECT_EQ(LeftoverCount(), 0u);
  EXPECT_THAT(EventTypes(), IsEmpty());
}

TEST_F(IngestionPgTest, AFileNameCannotLeadElsewhere) {
  for (const char* name : {"", "..", "../x", "a/b", ".hidden", "_x", "a\nb"}) {
    EXPECT_THAT(Upload("x", "", name),
                StatusIs(absl::StatusCode::kInvalidArgument, "INVALID_FIELD"))
        << name;
  }
}

TEST_F(IngestionPgTest, LeftoversOfAKilledUploadGoAtTheNextStart) {
  ingestion_.reset();
  fs::create_directories(lake_ / "default/.uploads");
  std::ofstream(lake_ / "default/.uploads/x.part") << "half";
  Start();
  EXPECT_EQ(LeftoverCount(), 0u);
}

// ---- Kills --------------------------------------------------------------------------------------

class KillTest : public IngestionPgTest {
 protected:
  // Runs the child with failpoints; true when it ended by itself.
  bool RunChild(const std::string& failpoints) {
    std::vector<std::string> environment = {
        "TEST_CATALOG=" + catalog_server_->address(), "TEST_DIR=" + dir_.path().string(),
        "TEST_DSN=" + database_.dsn(), "TARN_FAILPOINTS=" + failpoints};
    for (char** variable = environ; *variable != nullptr; ++variable) {
      if (std::string_view(*variable).rfind("TARN_FAILPOINTS=", 0) != 0) {
        environment.push_back(*variable);
      }
    }
    const std::string program =
        fs::read_symlink("/proc/self/exe").parent_path() / "ingestion_kill_child";
    std::vector<std::string> arguments = {program};
    std::vector<char*> argv, envp;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    for (std::string& variable : environment) envp.push_back(variable.data());
    argv.push_back(nullptr);
    envp.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, (dir_ / "child.log").c_str(),
                                     O_WRONLY | O_CREAT | O_APPEND, 0600);
    posix_spawn_file_actions_adddup2(&actions, 1, 2);
    pid_t child = 0;
    EXPECT_EQ(posix_spawn(&child, program.c_str(), &actions, nullptr, argv.data(), envp.data()), 0);
    posix_spawn_file_actions_destroy(&actions);
    int status = 0;
    EXPECT_EQ(waitpid(child, &status, 0), child);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
  }
};

TEST_F(KillTest, EachAcknowledgedRecordArrivesExactlyOnceWhereverTheProcessIsKilled) {
  ingestion_.reset();  // the child takes the log
  for (const char* point :
       {"ingestion.wal.after_write", "ingestion.wal.after_flush",
        "ingestion.deliver.before_dead_letters", "ingestion.deliver.before_publish",
        "ingestion.deliver.after_publish", "ingestion.deliver.before_commit",
        "ingestion.deliver.after_commit", "ingestion.deliver.before_trim",
        "ingestion.wal.before_segment_removal"}) {
    for (const int after : {0, 2}) {
      const bool ended = RunChild(absl::StrCat(point, "=abort+", after));
      // The newest segment is never removed: that point is reached by restarts only.
      if (std::string_view(point) != "ingestion.wal.before_segment_removal") {
        EXPECT_FALSE(ended) << point << " was not reached";
      }
    }
  }
  ASSERT_TRUE(RunChild("")) << ReadFile(dir_ / "child.log");
  int last = -1;
  {
    std::ifstream in(dir_ / "acknowledged");
    for (int batch = 0; in >> batch;) last = batch;
  }
  ASSERT_GT(last, 5);
  EXPECT_THAT(
      Query(catalog_, lake_, "s",
            "count(*) || ' ' || count(DISTINCT n) || ' ' || min(n) || ' ' || max(n)"),
      ElementsAre(absl::StrCat((last + 1) * 5, " ", (last + 1) * 5, " 0 ", (last + 1) * 5 - 1)));
  Start();
  ASSERT_OK_AND_ASSIGN(const v1::Stream stream, ingestion_->Get("s"));
  EXPECT_EQ(stream.statistics().dead_letter_records(), last + 1);
  EXPECT_EQ(stream.statistics().delivered_records(), (last + 1) * 5);
  EXPECT_EQ(stream.statistics().acknowledged_records(), (last + 1) * 6);
}

}  // namespace
}  // namespace tarn::ingestion

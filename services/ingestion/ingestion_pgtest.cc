// The module as a whole: a real PostgreSQL, a real disk, a fake catalog.
#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>
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
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "common/testing/test_data.h"
#include "services/ingestion/testing/ingestion_fixture.h"

namespace tarn::ingestion {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

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
  EXPECT_THAT(columns, ElementsAre("data struct", "device_id string", "ts double", "device string",
                                   "_ingested_at timestamptz", "_committed_at timestamptz"));
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
  EXPECT_EQ(catalog_.TableOf(TableName("s")).schema().fields_size(), 4);
  EXPECT_GT(catalog_.TableOf(TableName("s")).schema().fields(3).id(), 5);
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

TEST_F(IngestionPgTest, ADeletedStreamKeepsNoSegmentOfTheLog) {
  ASSERT_OK(ingestion_->CreateStream("s"));
  ASSERT_OK(ingestion_->Put("s", {R"({"a":1})"}));
  ASSERT_OK(ingestion_->Flush("s", kWait));
  v1::DeleteStreamRequest remove;
  remove.set_name("streams/s");
  ASSERT_OK(Call<v1::DeleteStreamResponse>(&Stub::DeleteStream, remove));
  // The newest segment is kept, and with it records that the next opening finds again.
  Start();
  ASSERT_OK(ingestion_->CreateStream("t"));
  ASSERT_OK(ingestion_->Put("t", {R"({"a":1})"}));
  ASSERT_OK(ingestion_->Flush("t", kWait));
  const auto segments = [&] {
    return std::count_if(fs::directory_iterator(state_ / "wal"), fs::directory_iterator(),
                         [](const auto& file) { return file.path().extension() == ".wal"; });
  };
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (segments() > 1 && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  EXPECT_EQ(segments(), 1);
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

}  // namespace
}  // namespace tarn::ingestion

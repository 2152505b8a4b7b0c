// Uploads that break off and go on, on a real disk and a real PostgreSQL.
#include <thread>
#include <unistd.h>

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include "common/clock/fake_clock.h"
#include "common/events/event.h"
#include "common/failpoint/failpoint.h"
#include "common/postgres/migrations.h"
#include "common/postgres/testing/test_database.h"
#include "common/rpc/client.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "common/testing/test_data.h"
#include "services/ingestion/migrations.h"
#include "services/ingestion/testing/test_ingestion.h"
#include "services/ingestion/upload/file_upload.h"

namespace tarn::ingestion {
namespace {

namespace fs = std::filesystem;

std::string HashOf(const std::string& text) {
  Sha256 digest;
  digest.Update(text);
  return digest.Hex();
}

v1::UploadHeader Header(const std::string& content, int64_t offset,
                        const std::string& upload_id = "u") {
  v1::UploadHeader header;
  header.set_table("databases/d/tables/t");
  header.set_file_name("a.json");
  header.set_sha256(HashOf(content));
  header.set_byte_count(static_cast<int64_t>(content.size()));
  header.set_upload_id(upload_id);
  header.set_offset(offset);
  return header;
}

class ResumableUploadPgTest : public ::testing::Test {
 protected:
  ResumableUploadPgTest() {
    fs::create_directories(dir_ / "lake/default");
    lake_ = *lake::LakePaths::Open(dir_ / "lake");
    uploads_ = Uploads(database_.pool(), "here");
  }
  absl::StatusOr<std::unique_ptr<FileUpload>> Begin(const v1::UploadHeader& header) {
    TARN_ASSIGN_OR_RETURN(UploadTarget target, CheckUploadHeader("default", "ada", header));
    return uploads_->Begin(std::move(target));
  }
  // Sends `part` and breaks off.
  absl::Status SendPart(const std::string& content, int64_t offset, const std::string& part) {
    TARN_ASSIGN_OR_RETURN(const auto upload, Begin(Header(content, offset)));
    return upload->Append(part);
  }
  int64_t Kept(const std::string& user = "ada") {
    const auto upload = uploads_->Get("default", user, "u");
    return upload.ok() ? upload->committed_bytes() : -1;
  }
  size_t PartCount() const {
    size_t count = 0;
    std::error_code error;
    for ([[maybe_unused]] const auto& file :
         fs::directory_iterator(dir_ / "lake/default/.uploads", error)) {
      ++count;
    }
    return count;
  }
  fs::path Landed() const { return dir_ / "lake/default/landing/d/t/a.json"; }
  std::unique_ptr<FileUploads> Uploads(PostgresPool& pool, const std::string& instance) {
    return std::make_unique<FileUploads>(*lake_, pool, clock_, metrics_, instance, absl::Hours(24));
  }
  // A process of `instance` takes up the upload where `kept` bytes of it are, and is killed at that
  // point. It is this process over again, with connections of its own.
  void FinishAndDieAt(const char* point, const std::string& instance, const std::string& content,
                      int64_t kept) {
    const pid_t child = fork();
    if (child == 0) {
      if (!failpoint::Arm(point, "abort").ok()) _exit(1);
      PostgresPool pool({.dsn = database_.dsn()});
      uploads_ = Uploads(pool, instance);
      auto upload = Begin(Header(content, kept));
      if (!upload.ok()) _exit(2);
      (void)(*upload)->Append(content.substr(static_cast<size_t>(kept)));
      (void)(*upload)->Finish("");
      _exit(0);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << point << " was not reached: " << WEXITSTATUS(status);
  }
  int64_t EventCount() {
    const auto count =
        database_.pool().RunReadOnly([](Transaction& txn) -> absl::StatusOr<int64_t> {
          return txn
              .Exec(
                  "SELECT count(*) AS n FROM events.outbox WHERE type = "
                  "'tarn.ingestion.file.uploaded'")
              .One()
              .Get<int64_t>("n");
        });
    EXPECT_OK(count);
    return count.value_or(-1);
  }

  TempDir dir_;
  TestDatabase database_{[](PostgresPool& pool) -> absl::Status {
    TARN_RETURN_IF_ERROR(events::Migrate(pool));
    return ApplyMigrations(pool, "ingestion", Migrations());
  }};
  FakeClock clock_{absl::Now()};
  Metrics all_metrics_;
  IngestionMetrics metrics_{all_metrics_};
  std::optional<lake::LakePaths> lake_;
  std::unique_ptr<FileUploads> uploads_;
};

TEST_F(ResumableUploadPgTest, WhatArrivedIsKeptAndTheRestCompletesIt) {
  const std::string content = "0123456789";
  EXPECT_EQ(Kept(), -1);
  ASSERT_OK(SendPart(content, 0, "0123"));
  EXPECT_EQ(Kept(), 4);
  EXPECT_EQ(Kept("eve"), -1);  // another user's ids are others
  ASSERT_OK(SendPart(content, 4, "45"));
  // Going on before the end of what is kept is allowed.
  ASSERT_OK_AND_ASSIGN(const auto upload, Begin(Header(content, 5)));
  ASSERT_OK(upload->Append("56789"));
  ASSERT_OK_AND_ASSIGN(const auto response, upload->Finish(""));
  EXPECT_EQ(response.outcome(), "CREATED");
  EXPECT_EQ(ReadFile(Landed()), content);
  EXPECT_EQ(Kept(), -1);
}

TEST_F(ResumableUploadPgTest, AWrongPlaceIsRefusedAndTheRightOneSaid) {
  ASSERT_OK(SendPart("0123456789", 0, "0123"));
  const absl::Status status = SendPart("0123456789", 7, "789");
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kOutOfRange, "OFFSET_MISMATCH"));
  EXPECT_EQ(ErrorMetadataOf(status).at("committed_bytes"), "4");
  EXPECT_EQ(Kept(), 4);
  v1::UploadHeader header = Header("x", 3, "");
  EXPECT_THAT(Begin(header), StatusIs(absl::StatusCode::kInvalidArgument, "INVALID_FIELD"));
  EXPECT_THAT(Begin(Header("x", 0, "a/../b")),
              StatusIs(absl::StatusCode::kInvalidArgument, "INVALID_FIELD"));
}

TEST_F(ResumableUploadPgTest, APartThatIsNotWhatWasSentIsFoundOutAndDropped) {
  ASSERT_OK(SendPart("0123456789", 0, "01xx"));
  ASSERT_OK_AND_ASSIGN(auto upload, Begin(Header("0123456789", 4)));
  ASSERT_OK(upload->Append("456789"));
  EXPECT_THAT(upload->Finish(""),
              StatusIs(absl::StatusCode::kInvalidArgument, "CHECKSUM_MISMATCH"));
  upload.reset();
  EXPECT_EQ(Kept(), -1);
  EXPECT_EQ(PartCount(), 0u);
  EXPECT_FALSE(fs::exists(Landed()));
}

TEST_F(ResumableUploadPgTest, TwoCallsDoNotWriteTheSamePart) {
  ASSERT_OK_AND_ASSIGN(auto first, Begin(Header("0123456789", 0)));
  ASSERT_OK(first->Append("0123"));
  EXPECT_THAT(Begin(Header("0123456789", 0)),
              StatusIs(absl::StatusCode::kUnavailable, "UPLOAD_IN_PROGRESS"));
  first.reset();
  EXPECT_EQ(Kept(), 4);
  ASSERT_OK(Begin(Header("0123456789", 4)).status());
}

TEST_F(ResumableUploadPgTest, AFileThatIsThereAlreadyLeavesNoPart) {
  for (int i = 0; i < 2; ++i) {
    ASSERT_OK_AND_ASSIGN(const auto upload, Begin(Header("text", 0)));
    ASSERT_OK(upload->Append("text"));
    EXPECT_EQ(upload->Finish("")->outcome(), i == 0 ? "CREATED" : "UNCHANGED");
  }
  EXPECT_EQ(PartCount(), 0u);
}

TEST_F(ResumableUploadPgTest, PartsExpireButNotThoseThatAreBeingWritten) {
  ASSERT_OK(SendPart("0123456789", 0, "0123"));
  uploads_->RemoveLeftovers();
  EXPECT_EQ(Kept(), 4);
  clock_.Advance(absl::Hours(25));
  {
    ASSERT_OK_AND_ASSIGN(const auto upload, Begin(Header("0123456789", 4)));
    uploads_->RemoveLeftovers();
    EXPECT_EQ(Kept(), 4);
  }
  uploads_->RemoveLeftovers();
  EXPECT_EQ(PartCount(), 0u);
  // Parts of uploads that are not resumable are of no use to anybody.
  ASSERT_OK_AND_ASSIGN(const auto plain, Begin(Header("text", 0, "")));
  uploads_->RemoveLeftovers();
  EXPECT_EQ(PartCount(), 1u);
}

TEST_F(ResumableUploadPgTest, AKillWhileAnUploadAppearsLosesNeitherTheFileNorItsEvent) {
  for (const char* point : {"ingestion.upload.before_rename", "ingestion.upload.after_rename"}) {
    SCOPED_TRACE(point);
    const std::string content = absl::StrCat("0123456789 ", point);
    const auto size = static_cast<int64_t>(content.size());
    const int64_t events = EventCount();
    ASSERT_OK(SendPart(content, 0, content.substr(0, 4)));
    FinishAndDieAt(point, "here", content, 4);
    uploads_->RemoveLeftovers();
    ASSERT_OK(uploads_->FinishIntents());
    const bool appeared = fs::exists(Landed()) && ReadFile(Landed()) == content;
    EXPECT_EQ(appeared, std::string_view(point) == "ingestion.upload.after_rename");
    EXPECT_EQ(EventCount(), events + (appeared ? 1 : 0));
    // Its client asks where to go on, and does.
    EXPECT_EQ(Kept(), appeared ? -1 : size);
    ASSERT_OK_AND_ASSIGN(const auto upload, Begin(Header(content, appeared ? 0 : size)));
    if (appeared) {
      ASSERT_OK(upload->Append(content));
    }
    ASSERT_OK_AND_ASSIGN(const auto response, upload->Finish(""));
    EXPECT_EQ(response.outcome() == "UNCHANGED", appeared);
    EXPECT_EQ(ReadFile(Landed()), content);
    ASSERT_OK(uploads_->FinishIntents());
    EXPECT_EQ(EventCount(), events + 1);
  }
}

TEST_F(ResumableUploadPgTest, TheIntentOfAnotherInstanceIsLeftAloneUntilItsLeaseIsOver) {
  const std::string content = "0123456789";
  FinishAndDieAt("ingestion.upload.after_rename", "there", content, 0);
  ASSERT_OK(uploads_->FinishIntents());
  EXPECT_EQ(EventCount(), 0) << "it may be at work";
  ASSERT_OK(Uploads(database_.pool(), "there")->FinishIntents());
  EXPECT_EQ(EventCount(), 1);
  fs::remove(Landed());
  FinishAndDieAt("ingestion.upload.after_rename", "gone", content, 0);
  ASSERT_OK(database_.pool().Run([](Transaction& txn) -> absl::Status {
    txn.Exec("UPDATE ingestion.uploads SET lease_expires_at = now() - interval '1 second'");
    return absl::OkStatus();
  }));
  ASSERT_OK(uploads_->FinishIntents());
  EXPECT_EQ(EventCount(), 2);
}

TEST_F(ResumableUploadPgTest, ABrokenCallGoesOnThroughTheService) {
  fs::create_directories(dir_ / "state");
  TestIngestion ingestion(
      {database_.dsn(), dir_ / "lake", dir_ / "state",
       rpc::CreateChannelTo("127.0.0.1:1", *rpc::ClientCredentials(false, ""))});
  ingestion.WaitUntilReady();
  const std::string content(3'000'000, 'x');
  const auto get = [&]() -> int64_t {
    grpc::ClientContext context;
    ingestion.Prepare(context);
    v1::GetUploadRequest request;
    request.set_upload_id("u");
    v1::Upload upload;
    return ingestion.stub().GetUpload(&context, request, &upload).ok() ? upload.committed_bytes()
                                                                       : -1;
  };
  {
    grpc::ClientContext context;
    ingestion.Prepare(context);
    v1::UploadFileResponse response;
    auto writer = ingestion.stub().UploadFile(&context, &response);
    v1::UploadFileRequest message;
    *message.mutable_header() = Header(content, 0);
    ASSERT_TRUE(writer->Write(message));
    message.set_chunk(content.substr(0, 1'000'000));
    ASSERT_TRUE(writer->Write(message));
    for (int i = 0; i < 3000 && get() < 1'000'000; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    context.TryCancel();
    EXPECT_FALSE(writer->Finish().ok());
  }
  ASSERT_EQ(get(), 1'000'000);
  // The broken call may end a moment later than its client.
  grpc::Status status;
  v1::UploadFileResponse response;
  for (int i = 0; i < 3000; ++i) {
    grpc::ClientContext context;
    ingestion.Prepare(context);
    auto writer = ingestion.stub().UploadFile(&context, &response);
    v1::UploadFileRequest message;
    *message.mutable_header() = Header(content, 1'000'000);
    writer->Write(message);
    message.set_chunk(content.substr(1'000'000));
    writer->Write(message);
    writer->WritesDone();
    status = writer->Finish();
    if (status.error_code() != grpc::StatusCode::UNAVAILABLE) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response.byte_count(), 3'000'000);
  EXPECT_EQ(ReadFile(Landed()), content);
}

}  // namespace
}  // namespace tarn::ingestion

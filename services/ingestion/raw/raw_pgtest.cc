// Raw copies through the module: kept once, as records arrived, for as long as they are to be.
#include <chrono>
#include <limits>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include <absl/strings/str_cat.h>

#include "services/ingestion/raw/raw_reader.h"
#include "services/ingestion/testing/ingestion_fixture.h"
#include "services/ingestion/testing/kill_fixture.h"

namespace tarn::ingestion {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class RawPgTest : public KillTest {
 protected:
  static v1::Stream RawStream() {
    v1::Stream stream;
    stream.set_name("streams/s");
    stream.set_table(TableName("s"));
    stream.mutable_delivery()->mutable_max_delay()->set_seconds(900);
    stream.mutable_raw_copy();
    return stream;
  }
  absl::StatusOr<v1::Stream> Create(const v1::Stream& stream) {
    v1::CreateStreamRequest request;
    *request.mutable_stream() = stream;
    return ingestion_->CreateStream(request);
  }
  absl::StatusOr<v1::Stream> SetRawCopy(bool on) {
    v1::UpdateStreamRequest update;
    update.mutable_stream()->set_name("streams/s");
    if (on) update.mutable_stream()->mutable_raw_copy();
    update.mutable_update_mask()->add_paths("raw_copy");
    return Call<v1::Stream>(&Stub::UpdateStream, update);
  }
  std::string UidOf(const std::string& stream) {
    auto uid = database_.pool().RunReadOnly([&](Transaction& txn) -> absl::StatusOr<std::string> {
      return txn.Exec("SELECT uid FROM ingestion.streams WHERE stream_id = $1", stream)
          .One()
          .Get<std::string>("uid");
    });
    EXPECT_OK(uid);
    return uid.ok() ? *uid : "";
  }
  std::vector<fs::path> Files() const {
    std::vector<fs::path> files;
    std::error_code error;
    for (fs::recursive_directory_iterator file(lake_ / "default/raw/s", error), end;
         !error && file != end; file.increment(error)) {
      if (file->is_regular_file()) files.push_back(file->path());
    }
    std::sort(files.begin(), files.end());
    return files;
  }
  // "<position> <payload>" of all records in all files, as often as they are there.
  std::vector<std::string> Copies() const {
    std::vector<std::string> copies;
    for (const fs::path& file : Files()) {
      if (file.filename().string().starts_with('.')) continue;  // of a writer that was killed
      auto reader = RawFileReader::Open(file);
      EXPECT_OK(reader);
      while (reader.ok()) {
        auto record = reader->Next();
        EXPECT_OK(record) << file;
        if (!record.ok() || !*record) break;
        copies.push_back(absl::StrCat((*record)->position, " ", (*record)->payload));
      }
    }
    return copies;
  }
  // Waits for what the module does by itself.
  template <typename Condition>
  bool Comes(Condition condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!condition()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return true;
  }
};

TEST_F(RawPgTest, RecordsAreKeptAsTheyArrivedAlsoThoseThatDoNotFit) {
  ASSERT_OK_AND_ASSIGN(const v1::Stream made, Create(RawStream()));
  EXPECT_EQ(made.raw_copy().retention().seconds(), 14 * 24 * 3600);
  ASSERT_OK(ingestion_->Put("s", {R"({"a":1.50 , "b":"x"})", "{\"a\":\n2}", R"({"a":"no"})"}));
  ASSERT_OK(ingestion_->Flush("s", kWait));
  ASSERT_OK(ingestion_->Put("s", {R"({"a":4})"}));
  ASSERT_OK(ingestion_->Flush("s", kWait));
  EXPECT_THAT(Copies(), ElementsAre(R"(0 {"a":1.50 , "b":"x"})", "1 {\"a\":\n2}", R"(2 {"a":"no"})",
                                    R"(3 {"a":4})"));
  EXPECT_THAT(Files(), SizeIs(2));
  // Its time is the row's.
  ASSERT_OK_AND_ASSIGN(RawFileReader reader, RawFileReader::Open(Files()[0]));
  ASSERT_OK_AND_ASSIGN(const auto first, reader.Next());
  EXPECT_THAT(Rows("s", "epoch_us(_ingested_at)::varchar"),
              Contains(absl::StrCat(absl::ToUnixMicros(first->arrival))));
}

TEST_F(RawPgTest, ReplayedDeadLettersAreNotCopiedAgain) {
  ASSERT_OK(Create(RawStream()));
  ASSERT_OK(ingestion_->Put("s", {R"({"a":1})", R"({"a":"no"})"}));
  ASSERT_OK(ingestion_->Flush("s", kWait));
  v1::ReplayDeadLettersRequest replay;
  replay.set_parent("streams/s");
  EXPECT_EQ(Call<v1::ReplayDeadLettersResponse>(&Stub::ReplayDeadLetters, replay)->replayed_count(),
            1);
  ASSERT_OK(ingestion_->Flush("s", kWait));
  EXPECT_THAT(Copies(), ElementsAre(R"(0 {"a":1})", R"(1 {"a":"no"})"));
}

TEST_F(RawPgTest, WhatArrivesAfterTheyAreTurnedOnIsCopied) {
  ASSERT_OK(ingestion_->CreateStream("s"));
  EXPECT_THAT(ingestion_->Put("s", {R"({"a":1})"}), StatusIs(absl::StatusCode::kOk));
  ASSERT_OK(ingestion_->Flush("s", kWait));
  ASSERT_OK(SetRawCopy(true));
  ASSERT_OK(ingestion_->Put("s", {R"({"a":2})"}));
  ASSERT_OK(ingestion_->Flush("s", kWait));
  EXPECT_THAT(Copies(), ElementsAre(R"(1 {"a":2})"));
  ASSERT_OK(SetRawCopy(false));
  ASSERT_OK(ingestion_->Put("s", {R"({"a":3})"}));
  ASSERT_OK(ingestion_->Flush("s", kWait));
  ASSERT_OK(SetRawCopy(true));
  ASSERT_OK(ingestion_->Put("s", {R"({"a":4})"}));
  ASSERT_OK(ingestion_->Flush("s", kWait));
  EXPECT_THAT(Copies(), ElementsAre(R"(1 {"a":2})", R"(3 {"a":4})"));
}

TEST_F(RawPgTest, RetentionsOutOfRangeAreRefused) {
  for (const int64_t seconds : {0, 3599, 315'360'001}) {
    v1::Stream stream = RawStream();
    stream.mutable_raw_copy()->mutable_retention()->set_seconds(seconds);
    EXPECT_THAT(Create(stream), StatusIs(absl::StatusCode::kInvalidArgument, "INVALID_FIELD",
                                         HasSubstr("stream.raw_copy.retention")));
  }
}

TEST_F(RawPgTest, APublishedFileWhosePositionWasNotStoredIsTakenOver) {
  ASSERT_OK(Create(RawStream()));
  {
    const failpoint::ScopedFailpoint cut("ingestion.raw.before_position", "error(UNAVAILABLE)");
    ASSERT_OK(ingestion_->Put("s", {R"({"a":1})", R"({"a":2})"}));
    EXPECT_THAT(ingestion_->Flush("s", absl::Seconds(1)),
                StatusIs(absl::StatusCode::kDeadlineExceeded, "FLUSH_TIMEOUT"));
    EXPECT_THAT(ingestion_->Get("s")->statistics().delivery_error(),
                AllOf(HasSubstr("raw copies"), HasSubstr("FAILPOINT")));
    ingestion_.reset();
  }
  Start();
  // More has come: the batch would be another one now.
  ASSERT_OK(ingestion_->Put("s", {R"({"a":3})"}));
  ASSERT_OK(ingestion_->Flush("s", kWait));
  EXPECT_THAT(Copies(), ElementsAre(R"(0 {"a":1})", R"(1 {"a":2})", R"(2 {"a":3})"));
  EXPECT_THAT(Rows("s", "a::varchar"), ElementsAre("1", "2", "3"));
}

TEST_F(RawPgTest, EachRecordIsCopiedOnceWhereverItIsKilled) {
  ingestion_.reset();
  for (const char* points :
       {"ingestion.raw.before_publish=abort", "ingestion.raw.before_publish=abort+1",
        "ingestion.raw.before_position=abort", "ingestion.raw.before_position=abort+1",
        "ingestion.deliver.before_trim=abort+1", "ingestion.wal.after_flush=abort+2"}) {
    EXPECT_FALSE(RunChild(points, "raw")) << points;
  }
  ASSERT_TRUE(RunChild("", "raw"));
  std::map<std::string, int> counts;
  for (const std::string& copy : Copies()) ++counts[copy.substr(copy.find(' ') + 1)];
  for (int n = 0; n < AcknowledgedBatches() * 5; ++n) {
    EXPECT_EQ(counts[absl::StrCat("{\"n\":", n, "}")], 1) << n;
  }
  EXPECT_EQ(counts.size(), static_cast<size_t>(AcknowledgedBatches() * 6));
}

TEST_F(RawPgTest, CopiesGoHourByHourWhenTheirTimeIsOver) {
  v1::Stream stream = RawStream();
  stream.mutable_raw_copy()->mutable_retention()->set_seconds(2 * 3600);
  ASSERT_OK(Create(stream));
  ASSERT_OK(ingestion_->Put("s", {R"({"a":1})"}));
  ASSERT_OK(ingestion_->Flush("s", kWait));
  ASSERT_THAT(Files(), SizeIs(1));
  // As they were written three hours ago, and four: by this stream, and by one that is no more.
  ASSERT_OK_AND_ASSIGN(const lake::LakePaths lake, lake::LakePaths::Open(lake_));
  const RawFolder folder(lake, "default", "s");
  const auto add = [&](double hours, const std::string& uid) {
    const fs::path hour = folder.HourFolder(absl::Now() - absl::Hours(1) * hours);
    fs::create_directories(hour);
    const fs::path to = hour / RawFileName{uid, uid, 0, 1}.ToString();
    fs::copy_file(Files().back(), to);
    return to;
  };
  const std::string uid = UidOf("s");
  const std::string other = "00000000-0000-4000-8000-000000000000";
  const fs::path young = add(1, uid);
  const fs::path others = add(5, other);
  add(4, uid);
  add(5, uid);
  // What a writer left that was killed.
  std::ofstream(others.parent_path() / absl::StrCat(".", uid, "_x.jsonl.gz.tmp-abc")) << "x";
  IngestionOptions options;
  options.raw_retention_interval = absl::Milliseconds(50);
  Start(options);
  EXPECT_TRUE(Comes([&] { return Files().size() == 3; }));
  EXPECT_TRUE(fs::exists(young));
  EXPECT_TRUE(fs::exists(others));
  EXPECT_TRUE(Comes([&] {
    const auto types = EventTypes();
    return std::find(types.begin(), types.end(), "tarn.ingestion.raw_copies.removed") !=
           types.end();
  }));
  EXPECT_FALSE(fs::exists(folder.HourFolder(absl::Now() - absl::Hours(4))));
  // Those of a deleted stream, too, of every hour.
  ASSERT_OK(ingestion_->Flush("s", kWait));
  v1::DeleteStreamRequest remove;
  remove.set_name("streams/s");
  ASSERT_OK(Call<v1::DeleteStreamResponse>(&Stub::DeleteStream, remove));
  EXPECT_TRUE(Comes([&] { return Files() == std::vector<fs::path>{others}; }));
}

}  // namespace
}  // namespace tarn::ingestion

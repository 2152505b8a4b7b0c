// Reprocesses through the module, with a fake catalog: what changed activities make of raw copies
// takes the place of the rows that were there, once, whatever happens meanwhile.
#include <atomic>
#include <chrono>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <absl/strings/str_cat.h>
#include <google/protobuf/util/time_util.h>

#include "tarn/ingestion/v1/reprocess_service.grpc.pb.h"

#include "services/ingestion/testing/ingestion_fixture.h"
#include "services/ingestion/testing/kill_fixture.h"

namespace tarn::ingestion {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

google::protobuf::Timestamp ToTimestamp(absl::Time time) {
  return google::protobuf::util::TimeUtil::MicrosecondsToTimestamp(absl::ToUnixMicros(time));
}

class ReprocessPgTest : public KillTest {
 protected:
  // A stream of {"k": …, "t": …} whose t, in degrees Celsius, becomes v by `expression`.
  static v1::Stream Readings(const std::string& expression) {
    v1::Stream stream;
    stream.set_name("streams/s");
    stream.mutable_delivery()->mutable_max_delay()->set_seconds(900);
    stream.mutable_raw_copy();
    for (const auto& [name, type] : {std::pair("k", "long"), std::pair("t", "string")}) {
      auto* column = stream.add_columns();
      column->set_name(name);
      column->set_type(type);
    }
    auto* destination = stream.add_destinations();
    destination->set_table(TableName("s"));
    auto* compute = destination->add_activities()->mutable_compute();
    compute->set_column("v");
    compute->set_expression(expression);
    return stream;
  }
  absl::StatusOr<v1::Stream> Create(const v1::Stream& stream) {
    v1::CreateStreamRequest request;
    *request.mutable_stream() = stream;
    return ingestion_->CreateStream(request);
  }
  absl::StatusOr<v1::Stream> Change(const v1::Stream& stream) {
    v1::UpdateStreamRequest request;
    *request.mutable_stream() = stream;
    request.mutable_update_mask()->add_paths("destinations");
    return Call<v1::Stream>(&Stub::UpdateStream, request);
  }
  // Records with keys [from, to) and t = k.
  void Put(int from, int to, bool backfill = false) {
    v1::PutRecordsRequest request;
    request.set_stream("streams/s");
    request.set_backfill(backfill);
    for (int k = from; k < to; ++k) {
      request.add_records(absl::StrCat(R"({"k":)", k, R"(,"t":")", k, R"("})"));
    }
    ASSERT_OK(ingestion_->PutRecords(request));
  }
  template <typename Response, typename Method, typename Request>
  absl::StatusOr<Response> CallReprocess(Method method, const Request& request) {
    const auto stub = v1::ReprocessService::NewStub(ingestion_->channel());
    grpc::ClientContext context;
    ingestion_->Prepare(context);
    Response response;
    const grpc::Status status = ((*stub).*method)(&context, request, &response);
    if (!status.ok()) return rpc::FromGrpcStatus(status);
    return response;
  }
  // Without an end: until now.
  absl::StatusOr<v1::Reprocess> StartReprocess(absl::Time start, std::optional<absl::Time> end,
                                               const std::string& destination = "") {
    v1::StartReprocessRequest request;
    request.set_stream("streams/s");
    *request.mutable_start_time() = ToTimestamp(start);
    if (end) *request.mutable_end_time() = ToTimestamp(*end);
    request.set_destination(destination);
    return CallReprocess<v1::Reprocess>(&v1::ReprocessService::Stub::StartReprocess, request);
  }
  absl::StatusOr<v1::Reprocess> GetReprocess(const std::string& name, bool wait) {
    v1::GetReprocessRequest request;
    request.set_name(name);
    if (wait) request.mutable_wait()->set_seconds(30);
    return CallReprocess<v1::Reprocess>(&v1::ReprocessService::Stub::GetReprocess, request);
  }
  // Of all that arrived until now, or in the range, to its end.
  v1::Reprocess Reprocess(absl::Time start = absl::UnixEpoch(),
                          std::optional<absl::Time> end = std::nullopt) {
    auto reprocess = StartReprocess(start, end);
    EXPECT_OK(reprocess);
    if (!reprocess.ok()) return {};
    auto done = GetReprocess(reprocess->name(), /*wait=*/true);
    EXPECT_OK(done);
    if (!done.ok()) return {};
    EXPECT_EQ(done->state(), common::v1::EXECUTION_STATE_SUCCEEDED) << done->DebugString();
    return *done;
  }
  // "k v" of all rows.
  std::vector<std::string> Values() { return Rows("s", "k || ' ' || v"); }
  // "k v" of keys [from, to), v = k * factor.
  static std::vector<std::string> Expected(int from, int to, int factor) {
    std::vector<std::string> rows;
    for (int k = from; k < to; ++k) rows.push_back(absl::StrCat(k, " ", k * factor));
    std::sort(rows.begin(), rows.end());
    return rows;
  }
  template <typename Condition>
  bool Comes(Condition condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!condition()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return true;
  }
  void Sql(const std::string& sql) {
    EXPECT_OK(database_.pool().Run([&](Transaction& txn) -> absl::Status {
      txn.ExecScript(sql);
      return absl::OkStatus();
    }));
  }
};

TEST_F(ReprocessPgTest, ChangedActivitiesTakeTheRowsPlaceAndTimesStay) {
  ASSERT_OK(Create(Readings("CAST(t AS INTEGER)")));
  Put(0, 30);
  Put(30, 50, /*backfill=*/true);
  ASSERT_OK(ingestion_->Flush("s", kWait));
  // On its way to the table when it starts.
  Put(50, 80);
  Put(80, 100, /*backfill=*/true);
  ASSERT_OK(Change(Readings("CAST(t AS INTEGER) * 3")));
  const v1::Reprocess done = Reprocess();
  EXPECT_EQ(done.statistics().records_read(), 100);
  EXPECT_EQ(done.statistics().rows_written(), 100);
  EXPECT_EQ(done.statistics().rows_replaced(), 100);
  EXPECT_EQ(done.statistics().dead_letters(), 0);
  EXPECT_EQ(done.phase(), v1::REPROCESS_PHASE_UNSPECIFIED);
  EXPECT_EQ(Values(), Expected(0, 100, 3));
  const std::vector<std::string> times = Rows("s", "k || ' ' || epoch_us(_ingested_at)");
  Reprocess();
  EXPECT_EQ(Rows("s", "k || ' ' || epoch_us(_ingested_at)"), times);
  EXPECT_THAT(times, SizeIs(100));
  const auto events = EventTypes();
  EXPECT_EQ(std::count(events.begin(), events.end(), "tarn.ingestion.reprocess.started"), 2);
  EXPECT_EQ(std::count(events.begin(), events.end(), "tarn.ingestion.reprocess.finished"), 2);
}

TEST_F(ReprocessPgTest, RowsThatArrivedOutsideOfTheRangeStayAlsoInTheSameFile) {
  ASSERT_OK(Create(Readings("CAST(t AS INTEGER)")));
  Put(0, 10);
  const absl::Time start = absl::Now();
  Put(10, 20);
  const absl::Time end = absl::Now();
  Put(20, 30);
  ASSERT_OK(ingestion_->Flush("s", kWait));
  EXPECT_THAT(catalog_.Files(TableName("s")), SizeIs(1));
  ASSERT_OK(Change(Readings("CAST(t AS INTEGER) * 3")));
  const v1::Reprocess done = Reprocess(start, end);
  EXPECT_EQ(done.statistics().rows_replaced(), 10);
  std::vector<std::string> expected = Expected(0, 10, 1);
  for (const std::string& row : Expected(10, 20, 3)) expected.push_back(row);
  for (const std::string& row : Expected(20, 30, 1)) expected.push_back(row);
  std::sort(expected.begin(), expected.end());
  EXPECT_EQ(Values(), expected);
}

TEST_F(ReprocessPgTest, WhatFitsNowIsNoDeadLetterAnyMoreAndTheOtherWayRound) {
  ASSERT_OK(Create(Readings("CAST(t AS INTEGER)")));
  ASSERT_OK(ingestion_->Put("s", {R"({"k":1,"t":"1"})", R"({"k":2,"t":"two"})",
                                  R"({"k":3,"t":"drei"})", R"({"k":"no","t":"4"})"}));
  ASSERT_OK_AND_ASSIGN(v1::Stream stream, ingestion_->Flush("s", kWait));
  EXPECT_EQ(stream.statistics().waiting_dead_letters(), 3);
  ASSERT_OK(
      Change(Readings("CASE WHEN t = 'two' THEN 2 WHEN t = '1' THEN CAST('x' AS INTEGER) "
                      "ELSE CAST(t AS INTEGER) END")));
  const v1::Reprocess done = Reprocess();
  EXPECT_EQ(done.statistics().rows_written(), 1);
  EXPECT_EQ(done.statistics().rows_replaced(), 1);
  EXPECT_EQ(done.statistics().dead_letters(), 3);
  EXPECT_EQ(done.statistics().resolved_dead_letters(), 1);
  EXPECT_THAT(Values(), ElementsAre("2 2"));
  ASSERT_OK_AND_ASSIGN(stream, ingestion_->Get("s"));
  EXPECT_EQ(stream.statistics().waiting_dead_letters(), 3);
  ASSERT_OK_AND_ASSIGN(const auto letters, ingestion_->DeadLetters("s"));
  ASSERT_EQ(letters.total_size(), 3);
  for (const v1::DeadLetter& letter : letters.dead_letters()) {
    EXPECT_EQ(letter.attempts(), letter.position() == 0 ? 1 : 2) << letter.DebugString();
    EXPECT_NE(letter.position(), 1);
  }
  // What was resolved is not put back, and what is put back is not doubled.
  ASSERT_OK(Change(Readings("0")));
  v1::ReplayDeadLettersRequest replay;
  replay.set_parent("streams/s");
  replay.mutable_selection()->set_reason("ACTIVITY_FAILED");
  EXPECT_EQ(Call<v1::ReplayDeadLettersResponse>(&Stub::ReplayDeadLetters, replay)->replayed_count(),
            2);
  Reprocess();
  EXPECT_THAT(Values(), ElementsAre("1 0", "2 0", "3 0"));
  ASSERT_OK(ingestion_->Flush("s", kWait));
  EXPECT_THAT(Values(), ElementsAre("1 0", "2 0", "3 0"));
  EXPECT_EQ(ingestion_->Get("s")->statistics().waiting_dead_letters(), 1);
}

TEST_F(ReprocessPgTest, ADeduplicationBeginsWithWhatItSawBeforeTheRange) {
  v1::Stream stream = Readings("CAST(t AS INTEGER)");
  auto* deduplicate = stream.mutable_destinations(0)->add_activities()->mutable_deduplicate();
  deduplicate->add_key("k");
  deduplicate->mutable_window()->set_seconds(3600);
  ASSERT_OK(Create(stream));
  Put(0, 10);
  ASSERT_OK(ingestion_->Flush("s", kWait));
  const absl::Time start = absl::Now();
  Put(5, 15);
  Put(12, 20);
  ASSERT_OK(ingestion_->Flush("s", kWait));
  EXPECT_EQ(Values(), Expected(0, 20, 1));
  const v1::Reprocess done = Reprocess(start, absl::Now());
  EXPECT_EQ(done.statistics().records_read(), 18);
  EXPECT_EQ(done.statistics().rows_written(), 10);
  EXPECT_EQ(Values(), Expected(0, 20, 1));
}

TEST_F(ReprocessPgTest, RecordsThatArriveMeanwhileAreNeitherLostNorDoubled) {
  v1::Stream stream = Readings("CAST(t AS INTEGER)");
  stream.mutable_delivery()->mutable_max_delay()->set_seconds(0);
  stream.mutable_delivery()->mutable_max_delay()->set_nanos(100'000'000);
  ASSERT_OK(Create(stream));
  Put(0, 200);
  ASSERT_OK(Change(Readings("CAST(t AS INTEGER) * 3")));
  std::atomic<bool> stop = false;
  std::atomic<int> next = 200;
  std::thread producer([&] {
    while (!stop) {
      Put(next, next + 10);
      next += 10;
    }
  });
  for (int i = 0; i < 3; ++i) Reprocess();
  stop = true;
  producer.join();
  ASSERT_OK(ingestion_->Flush("s", kWait));
  EXPECT_EQ(Values(), Expected(0, next, 3));
}

TEST_F(ReprocessPgTest, ACommitWhoseAnswerIsLostIsDoneOnce) {
  ASSERT_OK(Create(Readings("CAST(t AS INTEGER)")));
  Put(0, 10);
  ASSERT_OK(ingestion_->Flush("s", kWait));
  ASSERT_OK(Change(Readings("CAST(t AS INTEGER) * 3")));
  catalog_.LoseNextAnswer();
  Reprocess();
  EXPECT_EQ(Values(), Expected(0, 10, 3));
}

TEST_F(ReprocessPgTest, WhenAnotherWriterTookAFileItIsPlannedAgain) {
  ASSERT_OK(Create(Readings("CAST(t AS INTEGER)")));
  Put(0, 10);
  ASSERT_OK(ingestion_->Flush("s", kWait));
  ASSERT_OK(Change(Readings("CAST(t AS INTEGER) * 3")));
  std::string name;
  {
    const failpoint::ScopedFailpoint cut("ingestion.reprocess.before_commit", "error(UNAVAILABLE)");
    ASSERT_OK_AND_ASSIGN(const auto started, StartReprocess(absl::UnixEpoch(), absl::Now()));
    name = started.name();
    ASSERT_TRUE(Comes([&] { return cut.hit_count() > 0; }));
    const std::string path = catalog_.Files(TableName("s"))[0].path();
    fs::copy_file(lake_ / path, lake_ / (path + ".compacted"));
    catalog_.MoveFile(TableName("s"), path, path + ".compacted");
  }
  ASSERT_OK_AND_ASSIGN(const v1::Reprocess done, GetReprocess(name, /*wait=*/true));
  EXPECT_EQ(done.state(), common::v1::EXECUTION_STATE_SUCCEEDED) << done.DebugString();
  EXPECT_EQ(done.statistics().rows_replaced(), 10);
  EXPECT_EQ(done.statistics().records_read(), 10);
  EXPECT_EQ(Values(), Expected(0, 10, 3));
}

TEST_F(ReprocessPgTest, ItIsDoneOnceWhereverItIsKilled) {
  ASSERT_OK(Create(Readings("CAST(t AS INTEGER)")));
  Put(0, 30);
  ASSERT_OK(ingestion_->Put("s", {R"({"k":30,"t":"x"})", R"({"k":31,"t":"y"})"}));
  ASSERT_OK(ingestion_->Flush("s", kWait));
  ASSERT_OK(Change(Readings("CASE WHEN t = 'x' THEN 90 ELSE CAST(t AS INTEGER) * 3 END")));
  IngestionOptions options;
  options.reprocess_lease = absl::Seconds(1);
  int round = 0;
  for (const char* point : {"ingestion.reprocess.claimed", "ingestion.reprocess.after_batch",
                            "ingestion.reprocess.before_store", "ingestion.reprocess.before_commit",
                            "ingestion.reprocess.after_commit"}) {
    Start(options);
    {
      // So that it is not done before the process that is to be killed has it.
      const failpoint::ScopedFailpoint hold("ingestion.reprocess.before_store",
                                            "error(UNAVAILABLE)");
      ASSERT_OK(StartReprocess(absl::UnixEpoch(), absl::Now()));
      ingestion_.reset();
    }
    EXPECT_FALSE(RunChild(absl::StrCat(point, "=abort"), "reprocess")) << point;
    ASSERT_TRUE(RunChild("", "reprocess")) << point;
    Start(options);
    EXPECT_EQ(Values(), Expected(0, 31, 3)) << point;
    ASSERT_OK_AND_ASSIGN(const v1::Stream stream, ingestion_->Get("s"));
    EXPECT_EQ(stream.statistics().waiting_dead_letters(), 1) << point;
    ASSERT_OK_AND_ASSIGN(const auto letters, ingestion_->DeadLetters("s"));
    ASSERT_EQ(letters.total_size(), 1);
    EXPECT_EQ(letters.dead_letters(0).position(), 31);
    EXPECT_EQ(letters.dead_letters(0).attempts(), 2 + round) << point;
    ++round;
  }
}

TEST_F(ReprocessPgTest, OneThatWaitsIsCancelledAndLeavesEverythingAsItWas) {
  ASSERT_OK(Create(Readings("CAST(t AS INTEGER)")));
  Put(0, 10);
  ASSERT_OK(ingestion_->Put("s", {R"({"k":30,"t":"x"})"}));
  ASSERT_OK(ingestion_->Flush("s", kWait));
  // The log of an instance that is there, and does not answer.
  Sql("INSERT INTO ingestion.logs (wal_uuid, seen_at) VALUES ('another', now() + interval '1 h')");
  ASSERT_OK(Change(Readings("0")));
  ASSERT_OK_AND_ASSIGN(const v1::Reprocess started, StartReprocess(absl::UnixEpoch(), absl::Now()));
  EXPECT_THAT(StartReprocess(absl::UnixEpoch(), absl::Now()),
              StatusIs(absl::StatusCode::kAlreadyExists, "REPROCESS_UNDER_WAY"));
  EXPECT_TRUE(Comes([&] {
    const auto now = GetReprocess(started.name(), false);
    return now.ok() && now->phase() == v1::REPROCESS_PHASE_WAITING &&
           now->message().find("another") != std::string::npos;
  }));
  v1::CancelReprocessRequest cancel;
  cancel.set_name(started.name());
  ASSERT_OK(CallReprocess<v1::Reprocess>(&v1::ReprocessService::Stub::CancelReprocess, cancel));
  ASSERT_OK_AND_ASSIGN(const v1::Reprocess ended, GetReprocess(started.name(), /*wait=*/true));
  EXPECT_EQ(ended.state(), common::v1::EXECUTION_STATE_CANCELLED);
  EXPECT_EQ(Values(), Expected(0, 10, 1));
  // Its dead letters are free again, and so is the stream.
  v1::PurgeDeadLettersRequest purge;
  purge.set_parent("streams/s");
  EXPECT_EQ(Call<v1::PurgeDeadLettersResponse>(&Stub::PurgeDeadLetters, purge)->purged_count(), 1);
  Sql("UPDATE ingestion.logs SET seen_at = NULL WHERE wal_uuid = 'another'");
  Reprocess();
  EXPECT_THAT(Rows("s", "sum(v)::varchar"), ElementsAre("0"));
  v1::ListReprocessesRequest list;
  list.set_parent("streams/s");
  list.set_page_size(1);
  ASSERT_OK_AND_ASSIGN(const auto page, CallReprocess<v1::ListReprocessesResponse>(
                                            &v1::ReprocessService::Stub::ListReprocesses, list));
  ASSERT_EQ(page.reprocesses_size(), 1);
  EXPECT_EQ(page.reprocesses(0).state(), common::v1::EXECUTION_STATE_SUCCEEDED);
  list.set_page_token(page.next_page_token());
  ASSERT_OK_AND_ASSIGN(const auto second, CallReprocess<v1::ListReprocessesResponse>(
                                              &v1::ReprocessService::Stub::ListReprocesses, list));
  EXPECT_EQ(second.reprocesses(0).name(), started.name());
  EXPECT_EQ(second.next_page_token(), "");
}

TEST_F(ReprocessPgTest, WhatCannotBeReprocessedIsRefusedWithTheReason) {
  v1::Stream stream = Readings("CAST(t AS INTEGER)");
  stream.clear_raw_copy();
  ASSERT_OK(Create(stream));
  const absl::Time now = absl::Now();
  EXPECT_THAT(StartReprocess(absl::UnixEpoch(), now),
              StatusIs(absl::StatusCode::kFailedPrecondition, "RAW_COPIES_MISSING",
                       HasSubstr("turn them on")));
  v1::UpdateStreamRequest update;
  update.mutable_stream()->set_name("streams/s");
  update.mutable_stream()->mutable_raw_copy();
  update.mutable_update_mask()->add_paths("raw_copy");
  ASSERT_OK(Call<v1::Stream>(&Stub::UpdateStream, update));
  EXPECT_THAT(StartReprocess(now, absl::Now()),
              StatusIs(absl::StatusCode::kFailedPrecondition, "RAW_COPIES_MISSING",
                       HasSubstr("complete since")));
  EXPECT_THAT(StartReprocess(now, absl::Now() + absl::Hours(1)),
              StatusIs(absl::StatusCode::kInvalidArgument, "INVALID_FIELD", HasSubstr("future")));
  EXPECT_THAT(StartReprocess(now, now),
              StatusIs(absl::StatusCode::kInvalidArgument, "INVALID_FIELD", HasSubstr("later")));
  EXPECT_THAT(
      StartReprocess(now, absl::Now(), TableName("other")),
      StatusIs(absl::StatusCode::kInvalidArgument, "INVALID_FIELD", HasSubstr("does not deliver")));
  Sql("UPDATE ingestion.raw_copies SET kept_from = '-infinity'");
  // Another stream that delivers to the table, also when it is gone.
  v1::Stream other = Readings("CAST(t AS INTEGER)");
  other.set_name("streams/other");
  ASSERT_OK(Create(other));
  EXPECT_THAT(
      StartReprocess(now, absl::Now()),
      StatusIs(absl::StatusCode::kFailedPrecondition, "TABLE_SHARED", HasSubstr("streams/other")));
  v1::DeleteStreamRequest remove;
  remove.set_name("streams/other");
  ASSERT_OK(Call<v1::DeleteStreamResponse>(&Stub::DeleteStream, remove));
  EXPECT_THAT(StartReprocess(now, absl::Now()),
              StatusIs(absl::StatusCode::kFailedPrecondition, "TABLE_SHARED"));
  // Not of a time in which it was not there yet.
  EXPECT_OK(StartReprocess(now - absl::Hours(1), now));
  EXPECT_THAT(GetReprocess("streams/s/reprocesses/00000000-0000-4000-8000-000000000000", false),
              StatusIs(absl::StatusCode::kNotFound, "REPROCESS_NOT_FOUND"));
}

TEST_F(ReprocessPgTest, FilesThatDoNotSayWhenTheirRowsArrivedAreRefused) {
  ASSERT_OK(Create(Readings("CAST(t AS INTEGER)")));
  Put(0, 10);
  ASSERT_OK(ingestion_->Flush("s", kWait));
  catalog_.ForgetStatistics(TableName("s"));
  ASSERT_OK_AND_ASSIGN(const v1::Reprocess started, StartReprocess(absl::UnixEpoch(), absl::Now()));
  ASSERT_OK_AND_ASSIGN(const v1::Reprocess ended, GetReprocess(started.name(), /*wait=*/true));
  EXPECT_EQ(ended.state(), common::v1::EXECUTION_STATE_FAILED);
  EXPECT_EQ(ended.error().reason(), "ROWS_WITHOUT_ARRIVAL");
  EXPECT_EQ(Values(), Expected(0, 10, 1));
}

TEST_F(ReprocessPgTest, ADestinationThatIsNewGetsWhatArrivedBefore) {
  ASSERT_OK(Create(Readings("CAST(t AS INTEGER)")));
  Put(0, 10);
  ASSERT_OK(ingestion_->Flush("s", kWait));
  v1::Stream stream = Readings("CAST(t AS INTEGER)");
  stream.add_destinations()->set_table(TableName("late"));
  ASSERT_OK(Change(stream));
  ASSERT_OK_AND_ASSIGN(const v1::Reprocess started,
                       StartReprocess(absl::UnixEpoch(), absl::Now(), TableName("late")));
  ASSERT_OK_AND_ASSIGN(const v1::Reprocess done, GetReprocess(started.name(), /*wait=*/true));
  EXPECT_EQ(done.state(), common::v1::EXECUTION_STATE_SUCCEEDED) << done.DebugString();
  EXPECT_THAT(done.destinations(), ElementsAre(TableName("late")));
  EXPECT_THAT(Rows("late", "count(*)::varchar"), ElementsAre("10"));
  EXPECT_EQ(Values(), Expected(0, 10, 1));
  Put(10, 20);
  ASSERT_OK(ingestion_->Flush("s", kWait));
  EXPECT_THAT(Rows("late", "count(*)::varchar"), ElementsAre("20"));
}

}  // namespace
}  // namespace tarn::ingestion

// Streams with several destinations: each is delivered to by itself, exactly once.
#include <chrono>
#include <string>
#include <thread>

#include <absl/strings/str_cat.h>

#include "common/testing/test_data.h"
#include "services/ingestion/testing/ingestion_fixture.h"
#include "services/ingestion/testing/kill_fixture.h"

namespace tarn::ingestion {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class DestinationsPgTest : public IngestionPgTest {
 protected:
  // A stream s of {"n": …} to the tables `all`, as the records are, and `even`, through a filter
  // and a cast that fails for 13.
  static v1::Stream TwoDestinations() {
    v1::Stream stream;
    stream.set_name("streams/s");
    stream.mutable_delivery()->mutable_max_delay()->set_seconds(900);
    auto* column = stream.add_columns();
    column->set_name("n");
    column->set_type("long");
    stream.add_destinations()->set_table(TableName("all"));
    AddEven(stream);
    return stream;
  }
  static void AddEven(v1::Stream& stream) {
    auto* even = stream.add_destinations();
    even->set_table(TableName("even"));
    even->add_activities()->mutable_filter()->set_expression(
        "CAST(CASE WHEN n = 13 THEN 'unlucky' ELSE '0' END AS INTEGER) = n % 2");
  }
  absl::StatusOr<v1::Stream> Create(const v1::Stream& stream) {
    v1::CreateStreamRequest request;
    *request.mutable_stream() = stream;
    return ingestion_->CreateStream(request);
  }
  absl::StatusOr<v1::Stream> Update(const v1::Stream& stream) {
    v1::UpdateStreamRequest request;
    *request.mutable_stream() = stream;
    request.mutable_stream()->clear_etag();
    request.mutable_update_mask()->add_paths("destinations");
    return Call<v1::Stream>(&Stub::UpdateStream, request);
  }
  absl::StatusOr<v1::PutRecordsResponse> PutNumbers(const std::vector<int>& numbers,
                                                    bool backfill = false) {
    v1::PutRecordsRequest request;
    request.set_stream("streams/s");
    request.set_backfill(backfill);
    for (const int n : numbers) request.add_records(absl::StrCat(R"({"n":)", n, "}"));
    return ingestion_->PutRecords(request);
  }
  std::vector<std::string> Numbers(const std::string& table) {
    return Rows(table, "lpad(n::varchar, 2, '0')");
  }
  absl::StatusOr<v1::ReplayDeadLettersResponse> Replay(const std::string& destination = "") {
    v1::ReplayDeadLettersRequest request;
    request.set_parent("streams/s");
    request.mutable_selection()->set_destination(destination);
    return Call<v1::ReplayDeadLettersResponse>(&Stub::ReplayDeadLetters, request);
  }
};

TEST_F(DestinationsPgTest, EachGetsTheRecordsInItsOwnShapeAndCountsThem) {
  ASSERT_OK(Create(TwoDestinations()));
  ASSERT_OK(PutNumbers({1, 2, 3, 4, 13}));
  ASSERT_OK(ingestion_->Put("s", {R"({"n":"x"})"}));
  ASSERT_OK_AND_ASSIGN(const v1::Stream stream, ingestion_->Flush("s", kWait));
  EXPECT_THAT(Numbers("all"), ElementsAre("01", "02", "03", "04", "13"));
  EXPECT_THAT(Numbers("even"), ElementsAre("02", "04"));
  EXPECT_EQ(stream.table(), TableName("all"));
  const v1::StreamStatistics& statistics = stream.statistics();
  EXPECT_EQ(statistics.acknowledged_records(), 6);
  EXPECT_EQ(statistics.delivered_position(), 6);
  EXPECT_EQ(statistics.delivered_records(), 7);
  EXPECT_EQ(statistics.dead_letter_records(), 3);
  ASSERT_EQ(statistics.destinations_size(), 2);
  const v1::DestinationStatistics& all = statistics.destinations(0);
  EXPECT_EQ(all.table(), TableName("all"));
  EXPECT_EQ(all.delivered_records(), 5);
  EXPECT_EQ(all.filtered_records(), 0);
  EXPECT_EQ(all.waiting_dead_letters(), 1);
  const v1::DestinationStatistics& even = statistics.destinations(1);
  EXPECT_EQ(even.delivered_records(), 2);
  EXPECT_EQ(even.filtered_records(), 2);
  EXPECT_EQ(even.dead_letter_records(), 2);
  EXPECT_EQ(even.delivered_position(), 6);
  EXPECT_GT(even.last_delivery_time().seconds(), 0);
}

TEST_F(DestinationsPgTest, OneThatFailsDoesNotKeepTheOthers) {
  ASSERT_OK(Create(TwoDestinations()));
  catalog_.FailTableWith(TableName("even"), Unavailable("AWAY", "even is away"));
  ASSERT_OK(PutNumbers({1, 2}));
  EXPECT_THAT(
      ingestion_->Flush("s", absl::Milliseconds(300)),
      StatusIs(absl::StatusCode::kDeadlineExceeded, "FLUSH_TIMEOUT", HasSubstr("even is away")));
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  v1::Stream stream;
  do {
    ASSERT_OK_AND_ASSIGN(stream, ingestion_->Get("s"));
  } while (stream.statistics().destinations(0).delivered_position() < 2 &&
           std::chrono::steady_clock::now() < deadline);
  EXPECT_THAT(Numbers("all"), ElementsAre("01", "02"));
  EXPECT_EQ(stream.statistics().destinations(0).delivery_error(), "");
  EXPECT_THAT(stream.statistics().destinations(1).delivery_error(), HasSubstr("even is away"));
  EXPECT_THAT(stream.statistics().delivery_error(), HasSubstr(TableName("even")));
  EXPECT_EQ(stream.statistics().delivered_position(), 0);
  v1::DeleteStreamRequest remove;
  remove.set_name("streams/s");
  EXPECT_THAT(Call<v1::DeleteStreamResponse>(&Stub::DeleteStream, remove),
              StatusIs(absl::StatusCode::kFailedPrecondition, "STREAM_NOT_DRAINED"));
  // Across a restart the one goes on where it was, and the other begins.
  Start();
  ASSERT_OK(PutNumbers({4}));
  catalog_.FailTableWith(TableName("even"), absl::OkStatus());
  ASSERT_OK(ingestion_->Flush("s", kWait));
  EXPECT_THAT(Numbers("all"), ElementsAre("01", "02", "04"));
  EXPECT_THAT(Numbers("even"), ElementsAre("02", "04"));
  EXPECT_OK(Call<v1::DeleteStreamResponse>(&Stub::DeleteStream, remove));
}

TEST_F(DestinationsPgTest, OneThatIsAddedBeginsWhereTheLogEndsThen) {
  v1::Stream stream = TwoDestinations();
  stream.mutable_destinations()->DeleteSubrange(1, 1);
  ASSERT_OK_AND_ASSIGN(stream, Create(stream));
  ASSERT_OK(PutNumbers({2}));
  AddEven(stream);
  ASSERT_OK_AND_ASSIGN(stream, Update(stream));
  EXPECT_FALSE(stream.destinations(0).has_create_time());
  EXPECT_TRUE(stream.destinations(1).has_create_time());
  ASSERT_OK(PutNumbers({3, 4}));
  Start();  // where it begins is known also then
  ASSERT_OK_AND_ASSIGN(stream, ingestion_->Flush("s", kWait));
  EXPECT_THAT(Numbers("all"), ElementsAre("02", "03", "04"));
  EXPECT_THAT(Numbers("even"), ElementsAre("04"));
  EXPECT_EQ(stream.statistics().destinations(1).delivered_records(), 1);
  EXPECT_EQ(stream.statistics().destinations(1).filtered_records(), 1);
  // The same again changes nothing.
  ASSERT_OK_AND_ASSIGN(const v1::Stream same, Update(stream));
  EXPECT_EQ(same.etag(), stream.etag());
}

TEST_F(DestinationsPgTest, OneThatIsTakenAwayEndsAndMayComeBack) {
  const v1::Stream both = TwoDestinations();
  ASSERT_OK_AND_ASSIGN(v1::Stream stream, Create(both));
  ASSERT_OK(PutNumbers({2}));
  ASSERT_OK(ingestion_->Flush("s", kWait));
  catalog_.FailTableWith(TableName("even"), Unavailable("AWAY", "even is away"));
  ASSERT_OK(PutNumbers({4}));
  v1::Stream one = both;
  one.mutable_destinations()->DeleteSubrange(1, 1);
  ASSERT_OK(Update(one));
  // Nothing waits for it any more.
  ASSERT_OK_AND_ASSIGN(stream, ingestion_->Flush("s", kWait));
  EXPECT_EQ(stream.statistics().destinations_size(), 1);
  EXPECT_EQ(stream.statistics().delivery_error(), "");
  catalog_.FailTableWith(TableName("even"), absl::OkStatus());
  ASSERT_OK(PutNumbers({6}));
  ASSERT_OK(Update(both));
  ASSERT_OK(PutNumbers({8}));
  ASSERT_OK(ingestion_->Flush("s", kWait));
  EXPECT_THAT(Numbers("all"), ElementsAre("02", "04", "06", "08"));
  EXPECT_THAT(Numbers("even"), ElementsAre("02", "08"));
}

TEST_F(DestinationsPgTest, TheFirstOneMayChangeToo) {
  const v1::Stream both = TwoDestinations();
  ASSERT_OK(Create(both));
  ASSERT_OK(PutNumbers({2}));
  ASSERT_OK(ingestion_->Flush("s", kWait));
  v1::Stream even = both;
  even.mutable_destinations()->DeleteSubrange(0, 1);
  ASSERT_OK_AND_ASSIGN(const v1::Stream updated, Update(even));
  EXPECT_EQ(updated.table(), TableName("even"));
  ASSERT_OK(PutNumbers({4}));
  ASSERT_OK(ingestion_->Flush("s", kWait));
  EXPECT_THAT(Numbers("all"), ElementsAre("02"));
  EXPECT_THAT(Numbers("even"), ElementsAre("02", "04"));
}

TEST_F(DestinationsPgTest, ADeadLetterIsPutBackForItsDestinationAlone) {
  v1::Stream stream = TwoDestinations();
  ASSERT_OK(Create(stream));
  ASSERT_OK(PutNumbers({2, 13}));
  ASSERT_OK(ingestion_->Put("s", {R"({"n":"x"})"}));
  ASSERT_OK(ingestion_->Flush("s", kWait));
  v1::ListDeadLettersRequest list;
  list.set_parent("streams/s");
  EXPECT_EQ(Call<v1::ListDeadLettersResponse>(&Stub::ListDeadLetters, list)->total_size(), 3);
  list.set_destination(TableName("even"));
  list.set_reason("ACTIVITY_FAILED");
  ASSERT_OK_AND_ASSIGN(const auto letters,
                       Call<v1::ListDeadLettersResponse>(&Stub::ListDeadLetters, list));
  ASSERT_EQ(letters.total_size(), 1);
  EXPECT_EQ(letters.dead_letters(0).destination(), TableName("even"));
  const auto arrived = letters.dead_letters(0).ingest_time();
  // Mended, it goes to the table that did not take it, with the time at which it arrived.
  stream.mutable_destinations(1)->mutable_activities(0)->mutable_filter()->set_expression("n > 0");
  ASSERT_OK(Update(stream));
  EXPECT_EQ(Replay(TableName("all"))->replayed_count(), 1);
  ASSERT_OK(ingestion_->Flush("s", kWait));
  EXPECT_EQ(Replay()->replayed_count(), 3);
  ASSERT_OK_AND_ASSIGN(const v1::Stream after, ingestion_->Flush("s", kWait));
  EXPECT_THAT(Numbers("all"), ElementsAre("02", "13"));
  EXPECT_THAT(Numbers("even"), ElementsAre("02", "13"));
  EXPECT_THAT(Rows("even", "epoch_us(_ingested_at)::varchar || ' ' || n"),
              ::testing::Contains(
                  absl::StrCat(arrived.seconds() * 1'000'000 + arrived.nanos() / 1000, " 13")));
  EXPECT_EQ(after.statistics().destinations(0).waiting_dead_letters(), 1);
  EXPECT_EQ(after.statistics().destinations(1).waiting_dead_letters(), 1);
  // Both destinations' letters, and one of them twice, beside the three that were put.
  EXPECT_EQ(after.statistics().acknowledged_records(), 3 + 4);
  list.clear_reason();
  list.set_destination(TableName("all"));
  EXPECT_EQ(
      Call<v1::ListDeadLettersResponse>(&Stub::ListDeadLetters, list)->dead_letters(0).attempts(),
      3);
  v1::PurgeDeadLettersRequest purge;
  purge.set_parent("streams/s");
  purge.mutable_selection()->set_destination(TableName("even"));
  EXPECT_EQ(Call<v1::PurgeDeadLettersResponse>(&Stub::PurgeDeadLetters, purge)->purged_count(), 1);
  EXPECT_EQ(ingestion_->DeadLetters("s")->dead_letters(0).destination(), TableName("all"));
}

TEST_F(DestinationsPgTest, LettersOfADestinationThatIsGoneStayUntilTheyArePurged) {
  v1::Stream stream = TwoDestinations();
  ASSERT_OK(Create(stream));
  ASSERT_OK(PutNumbers({13}));
  ASSERT_OK(ingestion_->Flush("s", kWait));
  {
    // A replay that is cut short keeps nothing from being purged.
    const failpoint::ScopedFailpoint cut("ingestion.replay.after_claim", "error(UNAVAILABLE)");
    EXPECT_THAT(Replay(), StatusIs(absl::StatusCode::kUnavailable));
  }
  stream.mutable_destinations()->DeleteSubrange(1, 1);
  ASSERT_OK(Update(stream));
  ASSERT_OK_AND_ASSIGN(const auto replayed, Replay());
  EXPECT_EQ(replayed.replayed_count(), 0);
  EXPECT_EQ(replayed.skipped_count(), 1);
  v1::PurgeDeadLettersRequest purge;
  purge.set_parent("streams/s");
  EXPECT_EQ(Call<v1::PurgeDeadLettersResponse>(&Stub::PurgeDeadLetters, purge)->purged_count(), 1);
  v1::DeleteStreamRequest remove;
  remove.set_name("streams/s");
  EXPECT_OK(Call<v1::DeleteStreamResponse>(&Stub::DeleteStream, remove));
}

TEST_F(DestinationsPgTest, AConditionChoosesTheRecordsOfADestination) {
  v1::Stream stream = TwoDestinations();
  stream.mutable_destinations(0)->set_when("n >= 10");
  stream.mutable_destinations(1)->set_when(
      "CAST(CASE WHEN n = 11 THEN 'odd' ELSE '1' END AS INTEGER) = 1");
  auto* sort = stream.mutable_destinations(0)->add_sort_fields();
  sort->set_source("n");
  sort->set_descending(true);
  ASSERT_OK(Create(stream));
  ASSERT_OK(PutNumbers({1, 10, 11, 12, 2}));
  ASSERT_OK_AND_ASSIGN(const v1::Stream after, ingestion_->Flush("s", kWait));
  // The order is that of the file.
  EXPECT_THAT(Query(catalog_, lake_, "all", "n::varchar"), ElementsAre("12", "11", "10"));
  EXPECT_THAT(Numbers("even"), ElementsAre("02", "10", "12"));
  EXPECT_EQ(after.statistics().destinations(0).filtered_records(), 2);
  EXPECT_EQ(after.statistics().destinations(1).filtered_records(), 1);
  ASSERT_OK_AND_ASSIGN(const auto letters, ingestion_->DeadLetters("s"));
  ASSERT_EQ(letters.total_size(), 1);
  EXPECT_EQ(letters.dead_letters(0).reason(), "ACTIVITY_FAILED");
  EXPECT_THAT(letters.dead_letters(0).message(), ::testing::StartsWith("when: "));
}

TEST_F(DestinationsPgTest, AStreamsOwnDeduplicationHoldsForEachDestinationAndAcrossARestart) {
  v1::Stream stream = TwoDestinations();
  stream.mutable_deduplication()->add_key("n");
  ASSERT_OK(Create(stream));
  ASSERT_OK(PutNumbers({1, 2, 2}));
  ASSERT_OK(ingestion_->Flush("s", kWait));
  Start();
  ASSERT_OK(PutNumbers({2, 4, 1, 4}));
  ASSERT_OK_AND_ASSIGN(const v1::Stream after, ingestion_->Flush("s", kWait));
  EXPECT_THAT(Numbers("all"), ElementsAre("01", "02", "04"));
  EXPECT_THAT(Numbers("even"), ElementsAre("02", "04"));
  EXPECT_EQ(after.statistics().destinations(0).filtered_records(), 4);
  EXPECT_EQ(after.statistics().destinations(1).filtered_records(), 5);
}

TEST_F(DestinationsPgTest, MistakesAreNamedByTheirPath) {
  v1::Stream stream = TwoDestinations();
  stream.mutable_destinations(1)->set_table(TableName("all"));
  EXPECT_THAT(Create(stream), StatusIs(absl::StatusCode::kInvalidArgument, "INVALID_FIELD",
                                       HasSubstr("stream.destinations[1].table")));
  stream = TwoDestinations();
  stream.mutable_destinations(1)->mutable_activities(0)->mutable_filter()->set_expression("m = 1");
  EXPECT_THAT(Create(stream), StatusIs(absl::StatusCode::kInvalidArgument, "INVALID_FIELD",
                                       HasSubstr("stream.destinations[1].activities[0].filter")));
  stream = TwoDestinations();
  for (int i = 0; i < 9; ++i) stream.add_destinations()->set_table(TableName(absl::StrCat("t", i)));
  EXPECT_THAT(Create(stream), StatusIs(absl::StatusCode::kInvalidArgument, "INVALID_FIELD",
                                       HasSubstr("at most 10")));
  stream = TwoDestinations();
  stream.mutable_destinations(1)->set_when("n + 1");
  EXPECT_THAT(Create(stream), StatusIs(absl::StatusCode::kInvalidArgument, "INVALID_FIELD",
                                       HasSubstr("stream.destinations[1].when")));
  stream = TwoDestinations();
  stream.mutable_destinations(0)->add_sort_fields()->set_source("m");
  EXPECT_THAT(Create(stream), StatusIs(absl::StatusCode::kInvalidArgument, "INVALID_FIELD",
                                       HasSubstr("destinations[0].sort_fields[0].source")));
  stream = TwoDestinations();
  stream.mutable_deduplication()->add_key("m");
  EXPECT_THAT(Create(stream), StatusIs(absl::StatusCode::kInvalidArgument, "INVALID_FIELD",
                                       HasSubstr("stream.deduplication.key[0]")));
  stream = TwoDestinations();
  stream.clear_columns();
  stream.mutable_destinations(1)->clear_activities();
  stream.mutable_destinations(1)->set_when("n > 1");
  EXPECT_THAT(Create(stream), StatusIs(absl::StatusCode::kInvalidArgument, "INVALID_FIELD",
                                       HasSubstr("stream.columns")));
}

// ---- Pauses -------------------------------------------------------------------------------------

TEST_F(DestinationsPgTest, RecordsOfAPausedStreamWait) {
  v1::Stream stream = TwoDestinations();
  stream.mutable_delivery()->mutable_max_delay()->set_seconds(0);
  stream.mutable_delivery()->mutable_max_delay()->set_nanos(100'000'000);
  stream.set_paused(true);
  ASSERT_OK(Create(stream));
  ASSERT_OK(PutNumbers({2}));
  EXPECT_THAT(ingestion_->Flush("s", kWait),
              StatusIs(absl::StatusCode::kFailedPrecondition, "STREAM_PAUSED"));
  // Another one that came later is delivered meanwhile.
  ASSERT_OK(ingestion_->CreateStream("other"));
  ASSERT_OK(ingestion_->Put("other", {R"({"a":1})"}));
  ASSERT_OK(ingestion_->Flush("other", kWait));
  EXPECT_EQ(catalog_.commit_count(), 1);
  v1::UpdateStreamRequest update;
  update.mutable_stream()->set_name("streams/s");
  update.mutable_update_mask()->add_paths("paused");
  ASSERT_OK(Call<v1::Stream>(&Stub::UpdateStream, update));
  ASSERT_OK(ingestion_->Flush("s", kWait));
  EXPECT_THAT(Numbers("all"), ElementsAre("02"));
  EXPECT_THAT(Numbers("even"), ElementsAre("02"));
}

// ---- Backfills ----------------------------------------------------------------------------------

TEST_F(DestinationsPgTest, ABackfillUnderWayDoesNotDelayWhatArrivesLive) {
  v1::Stream stream = TwoDestinations();
  stream.mutable_delivery()->mutable_max_delay()->set_seconds(0);
  stream.mutable_delivery()->mutable_max_delay()->set_nanos(100'000'000);
  ASSERT_OK(Create(stream));
  ASSERT_OK(PutNumbers({2, 4}, /*backfill=*/true));
  EXPECT_EQ(ingestion_->Get("s")->statistics().waiting_backfill_records(), 2);
  // One destination's backfill has a worker for as long as its commit takes; the other one's has to
  // wait, so that there is a worker for what is live.
  catalog_.HoldNextCommit();
  std::thread flush([&] { EXPECT_OK(ingestion_->Flush("s", kWait)); });
  EXPECT_TRUE(catalog_.WaitForHeldCommit());
  EXPECT_OK(PutNumbers({6}));
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(25);
  while (std::chrono::steady_clock::now() < deadline &&
         (catalog_.Files(TableName("all")).empty() || catalog_.Files(TableName("even")).empty())) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_THAT(Numbers("all"), ElementsAre("06"));
  EXPECT_THAT(Numbers("even"), ElementsAre("06"));
  catalog_.ReleaseCommit();
  flush.join();
  EXPECT_THAT(Numbers("all"), ElementsAre("02", "04", "06"));
  EXPECT_THAT(Numbers("even"), ElementsAre("02", "04", "06"));
  ASSERT_OK_AND_ASSIGN(stream, ingestion_->Get("s"));
  EXPECT_EQ(stream.statistics().waiting_backfill_records(), 0);
  EXPECT_EQ(stream.statistics().acknowledged_records(), 3);
  EXPECT_EQ(stream.statistics().end_position(), 1);
  EXPECT_EQ(stream.statistics().destinations(0).delivered_records(), 3);
}

TEST_F(DestinationsPgTest, ABackfilledRecordBecomesADeadLetterAsOthersDo) {
  ASSERT_OK(Create(TwoDestinations()));
  ASSERT_OK(PutNumbers({13}, /*backfill=*/true));
  ASSERT_OK(PutNumbers({13}));
  ASSERT_OK(ingestion_->Flush("s", kWait));
  EXPECT_THAT(Numbers("all"), ElementsAre("13", "13"));
  ASSERT_OK_AND_ASSIGN(const auto letters, ingestion_->DeadLetters("s"));
  EXPECT_EQ(letters.total_size(), 2);
  EXPECT_EQ(Replay()->replayed_count(), 2);
  ASSERT_OK(ingestion_->Flush("s", kWait));
  EXPECT_EQ(ingestion_->DeadLetters("s")->dead_letters(0).attempts(), 2);
}

// ---- Kills --------------------------------------------------------------------------------------

TEST_F(KillTest, EachDestinationHasEachRecordOnceWhereverTheProcessIsKilledWhileOneOfThemFails) {
  ingestion_.reset();  // the child takes the log
  for (const char* point :
       {"ingestion.deliver.before_dead_letters", "ingestion.deliver.before_publish",
        "ingestion.deliver.after_publish", "ingestion.deliver.before_commit",
        "ingestion.deliver.after_commit", "ingestion.deliver.before_trim"}) {
    for (const int after : {0, 1}) {
      catalog_.FailNextCalls(TableName("even"), 3);
      EXPECT_FALSE(RunChild(absl::StrCat(point, "=abort+", after), "two"))
          << point << " was not reached";
    }
  }
  ASSERT_TRUE(RunChild("", "two")) << ReadFile(dir_ / "child.log");
  const int batches = AcknowledgedBatches();
  ASSERT_GT(batches, 5);
  const auto numbers = [&](const std::string& table) {
    return Query(catalog_, lake_, table, "count(*) || ' ' || count(DISTINCT n) || ' ' || sum(n)");
  };
  int64_t sum = 0, even_sum = 0, even = 0;
  for (int n = 0; n < batches * 5; ++n) {
    sum += n;
    if (n % 2 == 0) even_sum += n;
    if (n % 2 == 0) ++even;
  }
  EXPECT_THAT(numbers("s"), ElementsAre(absl::StrCat(batches * 5, " ", batches * 5, " ", sum)));
  EXPECT_THAT(numbers("even"), ElementsAre(absl::StrCat(even, " ", even, " ", even_sum)));
  Start();
  ASSERT_OK_AND_ASSIGN(const v1::Stream stream, ingestion_->Get("s"));
  EXPECT_EQ(stream.statistics().acknowledged_records(), batches * 6);
  EXPECT_EQ(stream.statistics().destinations(0).delivered_records(), batches * 5);
  EXPECT_EQ(stream.statistics().destinations(1).delivered_records(), even);
  EXPECT_EQ(stream.statistics().destinations(1).filtered_records(), batches * 5 - even);
  for (const v1::DestinationStatistics& destination : stream.statistics().destinations()) {
    EXPECT_EQ(destination.dead_letter_records(), batches);
  }
}

}  // namespace
}  // namespace tarn::ingestion

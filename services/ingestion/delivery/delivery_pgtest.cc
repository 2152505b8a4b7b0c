// Deliveries as a whole: dead letters and what becomes of them, activities on the way.
#include <chrono>
#include <string>
#include <thread>

#include <absl/strings/str_cat.h>

#include "services/ingestion/testing/ingestion_fixture.h"

namespace tarn::ingestion {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class DeliveryPgTest : public IngestionPgTest {
 protected:
  // A stream of {"d": {"t": …, "n": …}} with these activities, to databases/iot/tables/s.
  static v1::Stream Readings() {
    v1::Stream stream;
    stream.set_name("streams/s");
    stream.mutable_delivery()->mutable_max_delay()->set_seconds(900);
    auto* column = stream.add_columns();
    column->set_name("d");
    column->set_type("struct");
    column->add_fields()->set_name("t");
    column->mutable_fields(0)->set_type("double");
    column->add_fields()->set_name("n");
    column->mutable_fields(1)->set_type("string");
    stream.add_destinations()->set_table(TableName("s"));
    return stream;
  }
  absl::StatusOr<v1::Stream> Create(const v1::Stream& stream) {
    v1::CreateStreamRequest request;
    *request.mutable_stream() = stream;
    return Call<v1::Stream>(&Stub::CreateStream, request);
  }
};

TEST_F(DeliveryPgTest, DeadLettersAreReplayedOnceAfterAMend) {
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

TEST_F(DeliveryPgTest, AReplayThatAKillCutShortIsEndedAtTheNextStart) {
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

TEST_F(DeliveryPgTest, DeadLettersKeepAStreamUntilTheyArePurged) {
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

TEST_F(DeliveryPgTest, RecordsGoThroughActivitiesToTheirTable) {
  v1::Stream stream = Readings();
  auto& activities = *stream.mutable_destinations(0)->mutable_activities();
  activities.Add()->mutable_flatten()->add_columns("d");
  activities.Add()->mutable_filter()->set_expression("t > 0");
  auto* compute = activities.Add()->mutable_compute();
  compute->set_column("n");
  compute->set_expression("CAST(n AS INTEGER)");
  ASSERT_OK_AND_ASSIGN(const v1::Stream made, Create(stream));
  EXPECT_EQ(made.table(), TableName("s"));
  ASSERT_OK(ingestion_->Put(
      "s", {R"({"d":{"t":1.5,"n":"7"}})", R"({"d":{"t":-1,"n":"8"}})", R"({"d":{"t":2,"n":"x"}})",
            R"({"d":{"t":3}})", R"({"d":{"t":"4"}})", R"({"e":1})"}));
  ASSERT_OK_AND_ASSIGN(const v1::Stream after, ingestion_->Flush("s", kWait));
  EXPECT_EQ(after.statistics().delivery_error(), "");
  EXPECT_THAT(Rows("s", "t || ' ' || coalesce(n::varchar, '-')"), ElementsAre("1.5 7", "3.0 -"));
  ASSERT_OK_AND_ASSIGN(const auto letters, ingestion_->DeadLetters("s"));
  ASSERT_EQ(letters.total_size(), 3);
  EXPECT_EQ(letters.reason_counts().at("UNKNOWN_FIELD"), 1);
  EXPECT_EQ(letters.reason_counts().at("TYPE_MISMATCH"), 1);
  EXPECT_EQ(letters.reason_counts().at("ACTIVITY_FAILED"), 1);
  for (const v1::DeadLetter& letter : letters.dead_letters()) {
    if (letter.reason() != "ACTIVITY_FAILED") continue;
    EXPECT_EQ(letter.position(), 2);
    EXPECT_EQ(letter.payload(), R"({"d":{"t":2,"n":"x"}})");
    EXPECT_THAT(letter.message(), HasSubstr("activities[2]"));
  }
  // An activity more gives the table a column more; what was refused can come again.
  v1::UpdateStreamRequest update;
  *update.mutable_stream() = made;
  auto* changed = update.mutable_stream()->mutable_destinations(0);
  changed->mutable_activities(2)->mutable_compute()->set_expression("TRY_CAST(n AS INTEGER)");
  auto* label = changed->add_activities()->mutable_compute();
  label->set_column("hot");
  label->set_expression("t > 2");
  ASSERT_OK(Call<v1::Stream>(&Stub::UpdateStream, update));
  v1::ReplayDeadLettersRequest replay;
  replay.set_parent("streams/s");
  replay.mutable_selection()->set_reason("ACTIVITY_FAILED");
  ASSERT_OK(Call<v1::ReplayDeadLettersResponse>(&Stub::ReplayDeadLetters, replay));
  ASSERT_OK(ingestion_->Put("s", {R"({"d":{"t":9,"n":"9"}})"}));
  ASSERT_OK(ingestion_->Flush("s", kWait));
  EXPECT_THAT(Rows("s", "t || ' ' || coalesce(hot::varchar, '-')"),
              ElementsAre("1.5 -", "2.0 false", "3.0 -", "9.0 true"));
}

TEST_F(DeliveryPgTest, TheTimeOfArrivalIsWrittenAlsoIntoATableThatWasThereBefore) {
  catalog::v1::CreateTableRequest create;
  create.mutable_table()->set_name(TableName("s"));
  create.mutable_table()->set_type(catalog::v1::TABLE_TYPE_MANAGED);
  auto* field = create.mutable_table()->mutable_schema()->add_fields();
  field->set_name("a");
  field->set_type("long");
  catalog::v1::Table table;
  ASSERT_TRUE(catalog_.CreateTable(nullptr, &create, &table).ok());
  ASSERT_OK(ingestion_->CreateStream("s"));
  ASSERT_OK(ingestion_->Put("s", {R"({"a":1})"}));
  ASSERT_OK(ingestion_->Flush("s", kWait));
  table = catalog_.TableOf(TableName("s"));
  ASSERT_EQ(table.schema().fields_size(), 3);
  EXPECT_EQ(table.schema().fields(1).name(), "_ingested_at");
  EXPECT_EQ(table.schema().fields(2).name(), "_committed_at");
  EXPECT_THAT(Rows("s", "a || ' ' || (_ingested_at > '2020-01-01')"), ElementsAre("1 true"));
}

TEST_F(DeliveryPgTest, DuplicatesAreDroppedAlsoAcrossARestart) {
  v1::Stream stream = Readings();
  auto& activities = *stream.mutable_destinations(0)->mutable_activities();
  activities.Add()->mutable_flatten()->add_columns("d");
  auto* deduplicate = activities.Add()->mutable_deduplicate();
  deduplicate->add_key("n");
  deduplicate->mutable_window()->set_seconds(3600);
  ASSERT_OK(Create(stream));
  ASSERT_OK(ingestion_->Put("s", {R"({"d":{"t":1,"n":"a"}})", R"({"d":{"t":2,"n":"a"}})"}));
  ASSERT_OK(ingestion_->Flush("s", kWait));
  Start();
  ASSERT_OK(ingestion_->Put("s", {R"({"d":{"t":3,"n":"a"}})", R"({"d":{"t":4,"n":"b"}})"}));
  ASSERT_OK(ingestion_->Flush("s", kWait));
  EXPECT_THAT(Rows("s", "t || n"), ElementsAre("1.0a", "4.0b"));
}

TEST_F(DeliveryPgTest, KeysThatAnOlderReleaseHasSeenStayKnown) {
  v1::Stream stream = Readings();
  auto& activities = *stream.mutable_destinations(0)->mutable_activities();
  activities.Add()->mutable_flatten()->add_columns("d");
  activities.Add()->mutable_deduplicate()->add_key("n");
  ASSERT_OK(Create(stream));
  ASSERT_OK(ingestion_->Put("s", {R"({"d":{"t":1,"n":"a"}})"}));
  ASSERT_OK(ingestion_->Flush("s", kWait));
  ingestion_.reset();
  // It had them in the stream's folder.
  int moved = 0;
  for (const auto& of_stream : fs::directory_iterator(state_ / "ingestion-seen")) {
    for (const auto& of_unit : fs::directory_iterator(of_stream)) {
      for (const auto& file : fs::directory_iterator(of_unit)) {
        fs::rename(file, of_stream.path() / file.path().filename());
        ++moved;
      }
      fs::remove(of_unit);
    }
  }
  ASSERT_EQ(moved, 1);
  Start();
  ASSERT_OK(ingestion_->Put("s", {R"({"d":{"t":2,"n":"a"}})", R"({"d":{"t":3,"n":"b"}})"}));
  ASSERT_OK(ingestion_->Flush("s", kWait));
  EXPECT_THAT(Rows("s", "t || n"), ElementsAre("1.0a", "3.0b"));
}

TEST_F(DeliveryPgTest, PartitionsAreOverWhatComesOutOfTheActivities) {
  v1::Stream stream = Readings();
  auto* destination = stream.mutable_destinations(0);
  destination->add_activities()->mutable_flatten()->add_columns("d");
  destination->add_partition_fields()->set_source("n");
  ASSERT_OK(Create(stream));
  // More partitions than one batch writes.
  std::vector<std::string> records;
  for (int i = 0; i < 300; ++i) {
    records.push_back(absl::StrCat(R"({"d":{"t":)", i, R"(,"n":"p)", i % 290, R"("}})"));
  }
  ASSERT_OK(ingestion_->Put("s", records));
  ASSERT_OK_AND_ASSIGN(const v1::Stream after, ingestion_->Flush("s", kWait));
  EXPECT_EQ(after.statistics().delivered_records(), 300);
  EXPECT_THAT(Rows("s", "count(*) || ' ' || sum(t)"), ElementsAre("300 44850.0"));
  EXPECT_EQ(catalog_.commit_count(), 2);
}

TEST_F(DeliveryPgTest, AStreamOfEndlessPartitionsIsToldSoAndHoldsNobodyUp) {
  IngestionOptions options;
  options.delivery_workers = 1;
  Start(options);
  v1::Stream stream = Readings();
  stream.mutable_destinations(0)->add_activities()->mutable_flatten()->add_columns("d");
  stream.mutable_destinations(0)->add_partition_fields()->set_source("n");
  ASSERT_OK(Create(stream));
  v1::Stream other = Readings();
  other.set_name("streams/other");
  other.mutable_destinations(0)->set_table(TableName("other"));
  other.mutable_delivery()->mutable_max_delay()->set_seconds(0);
  other.mutable_delivery()->mutable_max_delay()->set_nanos(100'000'000);
  ASSERT_OK(Create(other));
  constexpr int kRecords = 600;
  std::vector<std::string> records;
  for (int i = 0; i < kRecords; ++i) {
    records.push_back(absl::StrCat(R"({"d":{"t":)", i, R"(,"n":"p)", i, R"("}})"));
  }
  ASSERT_OK(ingestion_->Put("s", records));
  catalog_.HoldNextCommit();
  std::thread flush([&] { EXPECT_OK(ingestion_->Flush("s", kWait)); });
  EXPECT_TRUE(catalog_.WaitForHeldCommit());
  EXPECT_OK(ingestion_->Put("other", {R"({"d":{"t":1,"n":"x"}})"}));
  const absl::Time due = absl::Now() + absl::Milliseconds(200);
  while (absl::Now() < due) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  catalog_.ReleaseCommit();
  flush.join();
  ASSERT_OK_AND_ASSIGN(const v1::Stream after, ingestion_->Get("s"));
  EXPECT_EQ(after.statistics().delivered_records(), kRecords);
  EXPECT_EQ(after.statistics().delivery_error(), "");
  EXPECT_THAT(after.statistics().delivery_warning(), HasSubstr("PARTITIONS_TOO_MANY"));
  EXPECT_EQ(ingestion_->Get("other")->statistics().delivery_warning(), "");
  EXPECT_THAT(Rows("s", "count(*) || ' ' || count(DISTINCT n)"),
              ElementsAre(absl::StrCat(kRecords, " ", kRecords)));
  EXPECT_EQ(catalog_.Files(TableName("s")).size(), kRecords);
  const std::vector<std::string> commits = catalog_.commits();
  ASSERT_EQ(commits.size(), 4u);  // 256 partitions each at most
  EXPECT_EQ(commits[1], TableName("other"));
}

TEST_F(DeliveryPgTest, MistakesInDestinationsAreNamedByTheirPath) {
  v1::Stream stream = Readings();
  auto* compute = stream.mutable_destinations(0)->add_activities()->mutable_compute();
  compute->set_column("x");
  compute->set_expression("missing + 1");
  EXPECT_THAT(Create(stream), StatusIs(absl::StatusCode::kInvalidArgument, "INVALID_FIELD",
                                       HasSubstr("stream.destinations[0].activities[0].compute")));
  compute->set_expression("d.t + 1");
  stream.mutable_destinations(0)->add_partition_fields()->set_source("gone");
  EXPECT_THAT(Create(stream), StatusIs(absl::StatusCode::kInvalidArgument, "INVALID_FIELD",
                                       HasSubstr("stream.destinations[0]")));
  stream.mutable_destinations(0)->clear_partition_fields();
  stream.clear_columns();
  EXPECT_THAT(Create(stream), StatusIs(absl::StatusCode::kInvalidArgument, "INVALID_FIELD",
                                       HasSubstr("declares its columns")));
  stream = Readings();
  stream.set_table(TableName("other"));
  EXPECT_THAT(Create(stream), StatusIs(absl::StatusCode::kInvalidArgument, "INVALID_FIELD",
                                       HasSubstr("not the first destination's table")));
}

}  // namespace
}  // namespace tarn::ingestion

// The module killed between any two steps of what it does, as a process of its own (kill_child.cc):
// what was acknowledged is in its table once.
#include <absl/strings/str_cat.h>

#include "services/ingestion/testing/kill_fixture.h"

namespace tarn::ingestion {
namespace {

using ::testing::ElementsAre;

class KillPgTest : public KillTest {
 protected:
  void SetUp() override {
    KillTest::SetUp();
    ingestion_.reset();  // the child takes the log
  }
  // Of column n: how many rows, how many values, the least and the greatest.
  std::vector<std::string> Numbers() {
    return Query(catalog_, lake_, "s",
                 "count(*) || ' ' || count(DISTINCT n) || ' ' || min(n) || ' ' || max(n)");
  }
  static std::string EachOnceUpTo(int count) {
    return absl::StrCat(count, " ", count, " 0 ", count - 1);
  }
};

TEST_F(KillPgTest, EachAcknowledgedRecordArrivesExactlyOnceWhereverTheProcessIsKilled) {
  KillAtEach("one", {"ingestion.wal.after_write", "ingestion.wal.after_flush",
                     "ingestion.deliver.before_dead_letters", "ingestion.deliver.before_publish",
                     "ingestion.deliver.after_publish", "ingestion.deliver.before_commit",
                     "ingestion.deliver.after_commit", "ingestion.deliver.before_trim",
                     "ingestion.wal.before_segment_removal"});
  const int batches = AcknowledgedBatches();
  ASSERT_GT(batches, 6);
  EXPECT_THAT(Numbers(), ElementsAre(EachOnceUpTo(batches * 5)));
  Start();
  ASSERT_OK_AND_ASSIGN(const v1::Stream stream, ingestion_->Get("s"));
  EXPECT_EQ(stream.statistics().dead_letter_records(), batches);
  EXPECT_EQ(stream.statistics().delivered_records(), batches * 5);
  EXPECT_EQ(stream.statistics().acknowledged_records(), batches * 6);
}

TEST_F(KillPgTest, AProducerOfAnIngestCallGoesOnWhereItWasWhereverTheProcessIsKilled) {
  KillAtEach("ingest",
             {"ingestion.wal.after_write", "ingestion.wal.after_flush",
              "ingestion.ingest.before_acks", "ingestion.deliver.after_commit"},
             /*later=*/1);
  const int batches = AcknowledgedBatches() - 1;  // sequences begin at 1
  ASSERT_GT(batches, 6);
  EXPECT_THAT(Numbers(), ElementsAre(EachOnceUpTo(batches * 5)));
  Start();
  EXPECT_EQ(ingestion_->Get("s")->statistics().acknowledged_records(), batches * 5);
}

TEST_F(KillPgTest, ADeduplicateActivityDropsTheSameWhereverTheProcessIsKilled) {
  KillAtEach("deduplicate",
             {"ingestion.seen_keys.after_flush", "ingestion.deliver.before_dead_letters",
              "ingestion.deliver.before_commit", "ingestion.deliver.after_commit",
              "ingestion.deliver.before_trim"});
  const int batches = AcknowledgedBatches();
  ASSERT_GT(batches, 6);
  EXPECT_THAT(Numbers(), ElementsAre(EachOnceUpTo(batches * 5)));
  Start();
  ASSERT_OK_AND_ASSIGN(const v1::Stream stream, ingestion_->Get("s"));
  EXPECT_EQ(stream.statistics().waiting_dead_letters(), batches);
  // A record that was refused behind the deduplication holds its key: one that comes again is
  // dropped, and the dead letter itself, put back once the stream is mended, is not.
  ASSERT_OK(ingestion_->Put("s", {R"({"n":-1,"v":"1"})"}));
  v1::UpdateStreamRequest update;
  *update.mutable_stream() = stream;
  update.mutable_stream()
      ->mutable_destinations(0)
      ->mutable_activities(1)
      ->mutable_compute()
      ->set_expression("TRY_CAST(v AS INTEGER)");
  ASSERT_OK(Call<v1::Stream>(&Stub::UpdateStream, update));
  v1::ReplayDeadLettersRequest replay;
  replay.set_parent("streams/s");
  EXPECT_EQ(Call<v1::ReplayDeadLettersResponse>(&Stub::ReplayDeadLetters, replay)->replayed_count(),
            batches);
  ASSERT_OK(ingestion_->Flush("s", kWait));
  EXPECT_THAT(Query(catalog_, lake_, "s",
                    "count(*) FILTER (n < 0) || ' ' || count(DISTINCT n) FILTER (n < 0)"),
              ElementsAre(absl::StrCat(batches, " ", batches)));
}

TEST_F(KillPgTest, EachDeadLetterGoesBackOnceWhereverTheProcessIsKilled) {
  KillAtEach("replay", {"ingestion.replay.after_claim", "ingestion.wal.after_write",
                        "ingestion.wal.after_flush", "ingestion.replay.before_mark"});
  const int batches = AcknowledgedBatches();
  ASSERT_GT(batches, 3);
  EXPECT_THAT(Numbers(), ElementsAre(EachOnceUpTo(batches * 5)));
  Start();
  EXPECT_EQ(ingestion_->Get("s")->statistics().waiting_dead_letters(), 0);
}

}  // namespace
}  // namespace tarn::ingestion

// PutRecords and Ingest of a running module, with a real PostgreSQL and disk.
#include <functional>
#include <thread>

#include <absl/strings/str_cat.h>
#include <absl/time/clock.h>

#include "services/ingestion/record/record_check.h"
#include "services/ingestion/testing/ways_in_fixture.h"

namespace tarn::ingestion {
namespace {

using ::testing::HasSubstr;

// ---- PutRecords ---------------------------------------------------------------------------------

using PutRecordsPgTest = WaysInPgTest;

TEST_F(PutRecordsPgTest, APayloadIsTakenAsItsFormatSays) {
  v1::PutRecordsRequest request;
  request.set_stream("streams/s");
  request.set_request_id("r1");
  request.set_payload("{\"a\":1}\n{\"a\":}\n{\"a\":2}\n");
  ASSERT_OK_AND_ASSIGN(auto response, ingestion_->PutRecords(request));
  ASSERT_EQ(response.results_size(), 3);
  EXPECT_EQ(response.results(0).position(), 0);
  EXPECT_EQ(response.results(1).error_reason(), "INVALID_JSON");
  EXPECT_EQ(response.results(2).position(), 1);
  EXPECT_EQ(response.failed_count(), 1);
  // The same records in another form are the same records.
  request.set_payload("[{\"a\":1}, {\"a\":}, {\"a\":2}]");
  request.mutable_format()->set_format(v1::RECORD_FORMAT_JSON_ARRAY);
  ASSERT_OK_AND_ASSIGN(response, ingestion_->PutRecords(request));
  EXPECT_TRUE(response.replayed());
  EXPECT_EQ(response.results(2).position(), 1);
  request.set_payload("[{\"a\":3}]");
  EXPECT_THAT(ingestion_->PutRecords(request),
              StatusIs(absl::StatusCode::kFailedPrecondition, "REQUEST_ID_REUSED"));
  request.add_records("{}");
  EXPECT_THAT(ingestion_->PutRecords(request),
              StatusIs(absl::StatusCode::kInvalidArgument, "INVALID_FIELD"));
}

TEST_F(PutRecordsPgTest, WhatIsTooMuchOrNothingIsRefusedAsAWhole) {
  v1::PutRecordsRequest request;
  request.set_stream("streams/s");
  EXPECT_THAT(ingestion_->PutRecords(request),
              StatusIs(absl::StatusCode::kInvalidArgument, "INVALID_FIELD"));
  request.set_payload(std::string(kMaxRequestBytes + 1, ' '));
  EXPECT_THAT(ingestion_->PutRecords(request),
              StatusIs(absl::StatusCode::kInvalidArgument, "REQUEST_TOO_LARGE"));
  request.set_payload("{}");
  request.set_request_id(std::string(257, 'x'));
  EXPECT_THAT(ingestion_->PutRecords(request),
              StatusIs(absl::StatusCode::kInvalidArgument, "INVALID_FIELD"));
  request.clear_request_id();
  request.set_stream("streams/unknown");
  EXPECT_THAT(ingestion_->PutRecords(request),
              StatusIs(absl::StatusCode::kNotFound, "STREAM_NOT_FOUND"));
}

// ---- Ingest -------------------------------------------------------------------------------------

// One Ingest call of a producer.
class Producer {
 public:
  explicit Producer(TestIngestion& ingestion, std::string token = "") {
    if (token.empty()) {
      ingestion.Prepare(context_);
    } else {
      rpc::PrepareContext(context_, {token, ""}, absl::Seconds(60));
    }
    call_ = ingestion.stub().Ingest(&context_);
  }
  ~Producer() {
    if (!finished_) context_.TryCancel();
    if (!finished_) (void)call_->Finish();
  }

  bool Send(const v1::IngestRequest& request) { return call_->Write(request); }
  // Opens, and gives the last sequence; -1 when the call has ended.
  int64_t Open(const std::string& stream = "streams/s", const std::string& producer = "p",
               const v1::PayloadFormat& format = {}, bool backfill = false) {
    v1::IngestRequest request;
    request.mutable_open()->set_backfill(backfill);
    request.mutable_open()->set_stream(stream);
    request.mutable_open()->set_producer_id(producer);
    *request.mutable_open()->mutable_format() = format;
    Send(request);
    v1::IngestResponse response;
    if (!call_->Read(&response) || !response.has_opened()) return -1;
    opened_ = response.opened();
    return response.opened().last_sequence();
  }
  bool Put(int64_t sequence, const std::string& payload) {
    v1::IngestRequest request;
    request.mutable_batch()->set_sequence(sequence);
    request.mutable_batch()->set_payload(payload);
    return Send(request);
  }
  void End() { call_->WritesDone(); }
  // The next so many acknowledgements; fewer when the call ends.
  std::vector<v1::IngestAck> Acks(size_t count) {
    v1::IngestResponse response;
    while (acks_.size() < count && call_->Read(&response)) {
      acks_.insert(acks_.end(), response.acks().begin(), response.acks().end());
      largest_message_ = std::max(largest_message_, response.ByteSizeLong());
    }
    std::vector<v1::IngestAck> taken(acks_.begin(), acks_.begin() + std::min(count, acks_.size()));
    acks_.erase(acks_.begin(), acks_.begin() + taken.size());
    return taken;
  }
  absl::Status Finish() {
    v1::IngestResponse response;
    while (call_->Read(&response)) {
    }
    finished_ = true;
    return rpc::FromGrpcStatus(call_->Finish());
  }
  void Cancel() { context_.TryCancel(); }
  const v1::IngestOpened& opened() const { return opened_; }
  size_t largest_message() const { return largest_message_; }

 private:
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::IngestRequest, v1::IngestResponse>> call_;
  v1::IngestOpened opened_;
  std::vector<v1::IngestAck> acks_;
  size_t largest_message_ = 0;
  bool finished_ = false;
};

using IngestPgTest = WaysInPgTest;

TEST_F(IngestPgTest, BatchesAreAcknowledgedInOrderWithTheirPositions) {
  Producer producer(*ingestion_);
  ASSERT_EQ(producer.Open(), 0);
  EXPECT_EQ(producer.opened().max_batch_bytes(), 4 << 20);
  EXPECT_EQ(producer.opened().max_batch_records(), 10'000);
  EXPECT_GT(producer.opened().credential_expire_time().seconds(), 0);
  // All are sent before one acknowledgement is read.
  for (int i = 1; i <= 50; ++i) ASSERT_TRUE(producer.Put(i, "{\"a\":1}\n{\"a\":2}\n"));
  const auto acks = producer.Acks(50);
  ASSERT_EQ(acks.size(), 50u);
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(acks[i].sequence(), i + 1);
    EXPECT_EQ(acks[i].first_position(), 2 * i);
    EXPECT_EQ(acks[i].record_count(), 2);
    EXPECT_FALSE(acks[i].duplicate());
  }
  producer.End();
  EXPECT_OK(producer.Finish());
  EXPECT_EQ(ingestion_->Get("s")->statistics().acknowledged_records(), 100);
}

TEST_F(IngestPgTest, BackfillsHavePositionsAndSequencesOfTheirOwn) {
  for (const bool backfill : {false, true}) {
    Producer producer(*ingestion_);
    ASSERT_EQ(producer.Open("streams/s", "p", {}, backfill), 0);
    producer.Put(1, "{\"a\":1}");
    const auto acks = producer.Acks(1);
    ASSERT_EQ(acks.size(), 1u);
    EXPECT_EQ(acks[0].first_position(), 0);
  }
  ASSERT_OK_AND_ASSIGN(const v1::Stream stream, ingestion_->Get("s"));
  EXPECT_EQ(stream.statistics().acknowledged_records(), 2);
  EXPECT_EQ(stream.statistics().waiting_backfill_records(), 1);
}

TEST_F(IngestPgTest, AProducerThatComesBackGoesOnWhereItWas) {
  {
    Producer producer(*ingestion_);
    ASSERT_EQ(producer.Open(), 0);
    producer.Put(1, "{}\n{}");
    producer.Put(2, "{}");
    ASSERT_EQ(producer.Acks(2).size(), 2u);
  }
  Start();  // and so after a restart
  Producer producer(*ingestion_);
  ASSERT_EQ(producer.Open(), 2);
  producer.Put(2, "{}");
  producer.Put(3, "{}");
  const auto acks = producer.Acks(2);
  ASSERT_EQ(acks.size(), 2u);
  EXPECT_TRUE(acks[0].duplicate());
  EXPECT_EQ(acks[0].first_position(), 2);
  EXPECT_FALSE(acks[1].duplicate());
  EXPECT_EQ(acks[1].first_position(), 3);
  // Another producer of the stream counts for itself.
  Producer other(*ingestion_);
  EXPECT_EQ(other.Open("streams/s", "q"), 0);
  EXPECT_EQ(ingestion_->Get("s")->statistics().acknowledged_records(), 4);
}

TEST_F(IngestPgTest, AGapEndsTheCallAfterWhatCameBefore) {
  Producer producer(*ingestion_);
  ASSERT_EQ(producer.Open(), 0);
  producer.Put(1, "{}");
  producer.Put(3, "{}");
  producer.Put(4, "{}");
  EXPECT_EQ(producer.Acks(3).size(), 1u);
  const absl::Status status = producer.Finish();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kOutOfRange, "SEQUENCE_GAP"));
  EXPECT_EQ(ErrorMetadataOf(status)["expected_sequence"], "2");
  EXPECT_EQ(ingestion_->Get("s")->statistics().acknowledged_records(), 1);
}

TEST_F(IngestPgTest, RefusedRecordsAreToldByIndexAndTheirBatchCounts) {
  Producer producer(*ingestion_);
  ASSERT_EQ(producer.Open(), 0);
  producer.Put(1, "{}\n7\n{\"a\": \"" + std::string(kMaxRecordBytes, 'x') + "\"}\n{}");
  producer.Put(2, "nothing that fits");
  producer.Put(3, "{}");
  const auto acks = producer.Acks(3);
  ASSERT_EQ(acks.size(), 3u);
  EXPECT_EQ(acks[0].record_count(), 2);
  ASSERT_EQ(acks[0].refused_size(), 2);
  EXPECT_EQ(acks[0].refused(0).index(), 1);
  EXPECT_EQ(acks[0].refused(0).reason(), "NOT_AN_OBJECT");
  EXPECT_EQ(acks[0].refused(1).index(), 2);
  EXPECT_EQ(acks[0].refused(1).reason(), "RECORD_TOO_LARGE");
  EXPECT_EQ(acks[1].record_count(), 0);
  EXPECT_EQ(acks[1].refused_count(), 1);
  EXPECT_FALSE(acks[1].has_first_position());
  EXPECT_EQ(acks[2].first_position(), 2);
}

TEST_F(IngestPgTest, WhatIsNoJsonGoesToTheDeadLetters) {
  Producer producer(*ingestion_);
  ASSERT_EQ(producer.Open(), 0);
  producer.Put(1, "{\"a\":1}\n{,}\n{\"a\":2}");
  ASSERT_EQ(producer.Acks(1).size(), 1u);
  ASSERT_OK_AND_ASSIGN(const v1::Stream stream, ingestion_->Flush("s", absl::Seconds(60)));
  EXPECT_EQ(stream.statistics().delivered_records(), 2);
  EXPECT_EQ(stream.statistics().dead_letter_records(), 1);
  ASSERT_OK_AND_ASSIGN(const auto letters, ingestion_->DeadLetters("s"));
  ASSERT_EQ(letters.dead_letters_size(), 1);
  EXPECT_EQ(letters.dead_letters(0).reason(), "INVALID_JSON");
  EXPECT_EQ(letters.dead_letters(0).payload(), "{,}");
}

TEST_F(IngestPgTest, TheOpeningSaysWhatPayloadsAre) {
  v1::PayloadFormat format;
  format.set_format(v1::RECORD_FORMAT_CSV);
  format.add_csv_header("a");
  format.add_csv_header("b");
  Producer producer(*ingestion_);
  ASSERT_EQ(producer.Open("streams/s", "p", format), 0);
  producer.Put(1, "1,x\n2\n3,y\n");
  const auto acks = producer.Acks(1);
  ASSERT_EQ(acks.size(), 1u);
  EXPECT_EQ(acks[0].record_count(), 2);
  EXPECT_EQ(acks[0].refused(0).reason(), "INVALID_CSV");
}

TEST_F(IngestPgTest, MoreThanMayBeInFlightIsSlowedDown) {
  IngestionOptions options;
  options.ingest_in_flight_size = {1 << 20};
  Start(options);
  Producer producer(*ingestion_);
  ASSERT_EQ(producer.Open(), 0);
  EXPECT_EQ(producer.opened().max_in_flight_bytes(), 1 << 20);
  const std::string payload = "{\"a\":\"" + std::string(700'000, 'x') + "\"}";
  std::thread sender([&] {
    for (int i = 1; i <= 40; ++i) producer.Put(i, payload);
    producer.End();
  });
  EXPECT_EQ(producer.Acks(40).size(), 40u);
  sender.join();
  EXPECT_OK(producer.Finish());
}

// A hundred refusals take many times the room of the batch: they count as well, and are told in
// messages of a bearable size.
TEST_F(IngestPgTest, SmallBatchesWithLargeAnswersAreSlowedDownToo) {
  IngestionOptions options;
  options.ingest_in_flight_size = {1 << 20};
  Start(options);
  Producer producer(*ingestion_);
  ASSERT_EQ(producer.Open(), 0);
  std::string payload;
  for (int i = 0; i < 150; ++i) payload += "7\n";
  std::thread sender([&] {
    for (int i = 1; i <= 400; ++i) producer.Put(i, payload);
    producer.End();
  });
  const auto acks = producer.Acks(400);
  sender.join();
  ASSERT_EQ(acks.size(), 400u);
  EXPECT_EQ(acks[7].refused_size(), 100);
  EXPECT_EQ(acks[7].refused_count(), 150);
  EXPECT_LT(producer.largest_message(), 512u << 10);
  EXPECT_OK(producer.Finish());
}

TEST_F(IngestPgTest, ATokensEndEndsTheCall) {
  Producer producer(*ingestion_, ingestion_->TokenOf("ada", absl::Seconds(1)));
  ASSERT_EQ(producer.Open(), 0);
  int64_t sequence = 0;
  const absl::Time deadline = absl::Now() + absl::Seconds(30);
  // Until the token ends, which it does while this goes on.
  while (absl::Now() < deadline) {
    if (!producer.Put(sequence + 1, "{}") || producer.Acks(1).empty()) break;
    ++sequence;
  }
  EXPECT_THAT(producer.Finish(), StatusIs(absl::StatusCode::kUnauthenticated, "TOKEN_EXPIRED"));
  // What was acknowledged is there, and nothing else.
  Producer again(*ingestion_);
  EXPECT_EQ(again.Open(), sequence);
}

TEST_F(IngestPgTest, AStopEndsOpenCalls) {
  Producer producer(*ingestion_);
  ASSERT_EQ(producer.Open(), 0);
  producer.Put(1, "{}");
  ASSERT_EQ(producer.Acks(1).size(), 1u);
  std::thread stopping([&] { ingestion_->Stop(); });
  EXPECT_THAT(producer.Finish(), StatusIs(absl::StatusCode::kUnavailable, "MODULE_NOT_SERVING"));
  stopping.join();
}

TEST_F(IngestPgTest, AProducerThatGoesAwayLeavesNothingBehind) {
  for (int i = 0; i < 20; ++i) {
    Producer producer(*ingestion_);
    if (i % 2 == 0) {
      producer.Open("streams/s", absl::StrCat("gone-", i));
    }
    for (int batch = 1; batch <= i; ++batch) producer.Put(batch, "{}");
    producer.Cancel();
  }
  Producer producer(*ingestion_);
  ASSERT_EQ(producer.Open(), 0);
  producer.Put(1, "{}");
  EXPECT_EQ(producer.Acks(1).size(), 1u);
}

TEST_F(IngestPgTest, AsManyCallsAsAreAllowed) {
  IngestionOptions options;
  options.max_ingest_calls = 2;
  Start(options);
  Producer first(*ingestion_);
  Producer second(*ingestion_);
  ASSERT_EQ(first.Open("streams/s", "p1"), 0);
  ASSERT_EQ(second.Open("streams/s", "p2"), 0);
  Producer third(*ingestion_);
  EXPECT_EQ(third.Open("streams/s", "p3"), -1);
  EXPECT_THAT(third.Finish(), StatusIs(absl::StatusCode::kResourceExhausted, "TOO_MANY_CALLS"));
}

TEST_F(IngestPgTest, WhatMakesNoSenseEndsTheCall) {
  const auto refusal = [&](const std::function<void(Producer&)>& talk) {
    Producer producer(*ingestion_);
    talk(producer);
    return producer.Finish();
  };
  const auto invalid = StatusIs(absl::StatusCode::kInvalidArgument, "INVALID_FIELD");
  EXPECT_THAT(refusal([](Producer& p) { p.Put(1, "{}"); }), invalid);
  EXPECT_THAT(refusal([](Producer& p) { p.End(); }), invalid);
  EXPECT_THAT(refusal([](Producer& p) { p.Open("streams/s", ""); }), invalid);
  EXPECT_THAT(refusal([](Producer& p) { p.Open("streams/s", std::string(129, 'x')); }), invalid);
  EXPECT_THAT(refusal([](Producer& p) { p.Open("streams/s", "a b"); }), invalid);
  EXPECT_THAT(refusal([](Producer& p) { p.Open("streams/none"); }),
              StatusIs(absl::StatusCode::kNotFound, "STREAM_NOT_FOUND"));
  EXPECT_THAT(refusal([](Producer& p) { p.Open("stream"); }),
              StatusIs(absl::StatusCode::kInvalidArgument, "INVALID_RESOURCE_NAME"));
  EXPECT_THAT(refusal([](Producer& p) {
                p.Open();
                p.Put(0, "{}");
              }),
              invalid);
  EXPECT_THAT(refusal([](Producer& p) {
                p.Open();
                p.Open();
              }),
              invalid);
  EXPECT_THAT(
      refusal([](Producer& p) {
        EXPECT_EQ(p.Open(), 0);
        p.Put(1, std::string(kMaxRequestBytes + 1, ' '));
      }),
      StatusIs(absl::StatusCode::kInvalidArgument, "REQUEST_TOO_LARGE", HasSubstr("batch 1")));
  EXPECT_THAT(refusal([](Producer& p) {
                EXPECT_EQ(p.Open(), 0);
                v1::IngestRequest both;
                both.mutable_batch()->set_sequence(1);
                both.mutable_batch()->set_payload("{}");
                both.mutable_batch()->add_records("{}");
                p.Send(both);
              }),
              invalid);
}

}  // namespace
}  // namespace tarn::ingestion

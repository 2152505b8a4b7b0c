#include "common/wal/wal_format.h"

#include <algorithm>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/wal/crc32c.h"

namespace tarn::wal {
namespace {

using ::testing::ElementsAre;

// As the log writes it: header, head, payload.
std::string RecordsFrame(const BatchKey& key, const std::vector<RecordSpan>& spans,
                         std::string_view payload, FrameHeader* header) {
  const std::string head = EncodeRecordsHead(key, spans, payload.size(), header);
  header->payload_crc = Crc32c(payload);
  return EncodeFrameHeader(*header).append(head).append(payload);
}

const BatchKey kKey = {.workspace = "default",
                       .stream_uid = "uid",
                       .request_id = "r",
                       .request_hash = 7,
                       .producer_id = "p",
                       .sequence = 9};

TEST(Crc32cTest, GivesTheKnownValues) {
  EXPECT_EQ(Crc32c(""), 0u);
  EXPECT_EQ(Crc32c("123456789"), 0xe3069283u);
  EXPECT_EQ(Crc32c("456789", Crc32c("123")), 0xe3069283u);
}

TEST(WalFormatTest, RecordsComeBackAsTheyWereWritten) {
  FrameHeader header{.first_position = 41, .time = absl::FromUnixMicros(1234567)};
  const std::string frame = RecordsFrame(kKey, {{0, 3}, {4, 0}, {5, 4}}, "one\n\nfour\n", &header);
  const std::optional<FrameHeader> read = DecodeFrameHeader(frame);
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->type, FrameType::kRecords);
  EXPECT_EQ(read->first_position, 41u);
  EXPECT_EQ(read->record_count, 3u);
  EXPECT_EQ(read->time, absl::FromUnixMicros(1234567));
  ASSERT_EQ(frame.size(), kFrameHeaderBytes + read->body_bytes);
  const std::string_view body = std::string_view(frame).substr(kFrameHeaderBytes);
  EXPECT_TRUE(BodyIsSound(*read, body));
  const std::optional<BatchBody> batch = DecodeBatchBody(*read, body);
  ASSERT_TRUE(batch.has_value());
  EXPECT_EQ(batch->key, kKey);
  EXPECT_THAT(batch->records, ElementsAre("one", "", "four"));
}

TEST(WalFormatTest, AFrameTellsWhereItsWriteBegan) {
  for (const uint64_t bytes : {0u, 15u, 16u, 84u, 1u << 20, (1u << 28) - 1, 1u << 30}) {
    const auto read = DecodeFrameHeader(EncodeFrameHeader({.bytes_into_write = bytes}));
    ASSERT_TRUE(read.has_value());
    // Rounded down, and at most what the field holds.
    EXPECT_EQ(read->bytes_into_write, std::min<uint64_t>(bytes, (1u << 28) - 1) / 16 * 16);
  }
}

TEST(WalFormatTest, AnyByteThatChangesIsNoticed) {
  FrameHeader header{.first_position = 41};
  const std::string frame = RecordsFrame(kKey, {{0, 3}}, "one", &header);
  for (size_t i = 0; i < frame.size(); ++i) {
    std::string damaged = frame;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x10);
    const std::optional<FrameHeader> read = DecodeFrameHeader(damaged);
    EXPECT_FALSE(read && BodyIsSound(*read, std::string_view(damaged).substr(kFrameHeaderBytes)))
        << "byte " << i;
  }
}

TEST(WalFormatTest, BatchesFromBeforeThereWereProducersAreRead) {
  // Type 3: the names, the hash, then each record with its length before it.
  std::string body;
  const auto put = [&](std::string_view text) {
    body.push_back(static_cast<char>(text.size()));
    body.append(3, '\0').append(text);
  };
  put("default");
  put("uid");
  put("r");
  body.push_back(7);
  body.append(7, '\0');
  put("one");
  put("four");
  const std::string frame =
      EncodeFrame({.type = FrameType::kBatch, .first_position = 3, .record_count = 2}, body);
  const std::optional<FrameHeader> header = DecodeFrameHeader(frame);
  ASSERT_TRUE(header.has_value());
  EXPECT_TRUE(BodyIsSound(*header, body));
  const std::optional<BatchBody> batch = DecodeBatchBody(*header, body);
  ASSERT_TRUE(batch.has_value());
  EXPECT_EQ(batch->key.request_id, "r");
  EXPECT_EQ(batch->key.request_hash, 7u);
  EXPECT_EQ(batch->key.producer_id, "");
  EXPECT_THAT(batch->records, ElementsAre("one", "four"));
}

TEST(WalFormatTest, PositionsAndProducersComeBackAsTheyWereWritten) {
  const auto positions = DecodePositionsBody(EncodePositionsBody({{"default", "a", 5}}));
  ASSERT_TRUE(positions.has_value());
  ASSERT_EQ(positions->size(), 1u);
  EXPECT_EQ(positions->front().stream_uid, "a");
  EXPECT_EQ(positions->front().next_position, 5u);
  const StoredBatch last{9, 100, 20, 0xabcdef, absl::FromUnixMicros(77)};
  const auto producers = DecodeProducersBody(EncodeProducersBody({{"default", "a", "p", last}}));
  ASSERT_TRUE(producers.has_value());
  ASSERT_EQ(producers->size(), 1u);
  EXPECT_EQ(producers->front().producer_id, "p");
  EXPECT_EQ(producers->front().last, last);
}

// Whatever stands in a frame whose checksums hold is read within its bounds: bodies of random
// bytes, and sound ones with random changes, under checksums that fit. The sanitizers watch.
TEST(WalFormatTest, HostileFramesAreReadWithinTheirBounds) {
  std::mt19937_64 random(20240607);
  FrameHeader sound;
  const std::string frame = RecordsFrame(kKey, {{0, 3}, {4, 5}}, "one\nthree\n", &sound);
  for (int round = 0; round < 20'000; ++round) {
    std::string body = frame.substr(kFrameHeaderBytes);
    FrameHeader header = sound;
    if (round % 4 == 0) {
      body.resize(random() % 200);
      for (char& byte : body) byte = static_cast<char>(random());
    }
    for (uint64_t changes = random() % 4; changes > 0 && !body.empty(); --changes) {
      body[random() % body.size()] = static_cast<char>(random());
    }
    if (random() % 3 == 0) body.resize(random() % (body.size() + 1));
    header.type = static_cast<FrameType>(1 + random() % 6);
    if (random() % 2 == 0) header.record_count = static_cast<uint32_t>(random());
    if (random() % 2 == 0) header.head_bytes = static_cast<uint32_t>(random() % 300);
    const std::optional<BatchBody> batch = DecodeBatchBody(header, body);
    if (batch) {
      for (std::string_view record : batch->records) {
        if (record.empty()) continue;
        ASSERT_GE(record.data(), body.data());
        ASSERT_LE(record.data() + record.size(), body.data() + body.size());
      }
    }
    (void)DecodePositionsBody(body);
    (void)DecodeProducersBody(body);
    (void)DecodeFrameHeader(body);
  }
}

}  // namespace
}  // namespace tarn::wal

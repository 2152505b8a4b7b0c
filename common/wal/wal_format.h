// The bytes of the write-ahead log, as docs/formats/wal.md describes them: frames of a fixed header
// and a body, each with a checksum of its own. Pure functions; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <absl/time/time.h>

namespace tarn::wal {

inline constexpr size_t kFrameHeaderBytes = 48;
// Smaller than any frame: rounded down to it, the beginning of a write is still told from others.
inline constexpr uint64_t kWriteUnitBytes = 16;
// What a frame may hold at most; a larger length is damage.
inline constexpr uint32_t kMaxFrameBodyBytes = 64u << 20;

enum class FrameType : uint8_t {
  kSegment = 1,    // first of every segment: which log, which segment
  kPositions = 2,  // the next positions of streams; of all of them at the beginning of a segment
  kBatch = 3,      // records as they were written before kRecords; read, never written
  kRequest = 4,    // a remembered request id, without its records
  kRecords = 5,    // the records of one batch
  kProducers = 6,  // the last batches of producers; of all of them at the beginning of a segment
};

struct FrameHeader {
  FrameType type = FrameType::kRecords;
  // What of the same write comes before it, rounded down to units of kWriteUnitBytes: everything in
  // front of that write was flushed before this frame was written. 0 in logs of older programs.
  uint64_t bytes_into_write = 0;
  uint32_t body_bytes = 0;
  uint32_t body_crc = 0;        // of the body; of its head alone in kRecords
  uint64_t first_position = 0;  // kBatch, kRequest, kRecords; the segment's number in kSegment
  uint32_t record_count = 0;    // kBatch, kRequest, kRecords
  uint32_t head_bytes = 0;      // kRecords: what of the body comes before the payload
  uint32_t payload_crc = 0;     // kRecords
  absl::Time time;              // when it was written, to the microsecond
};

// Which stream's records a batch holds, and the request or the producer that brought them.
struct BatchKey {
  std::string workspace;
  std::string stream_uid;
  std::string request_id;     // "" without one
  uint64_t request_hash = 0;  // of the request's records, to tell a reuse of the id
  std::string producer_id;    // "" without one
  uint64_t sequence = 0;      // from 1, without a gap, for each producer of a stream
  friend bool operator==(const BatchKey&, const BatchKey&) = default;
};

// Where a record stands in its payload.
struct RecordSpan {
  uint32_t offset = 0;
  uint32_t bytes = 0;
  friend bool operator==(const RecordSpan&, const RecordSpan&) = default;
};

std::string EncodeFrameHeader(const FrameHeader& header);
// Nothing when the bytes are no sound header. `bytes` holds at least kFrameHeaderBytes.
std::optional<FrameHeader> DecodeFrameHeader(std::string_view bytes);
// Whether the body is the one that the header was written with.
bool BodyIsSound(const FrameHeader& header, std::string_view body);

// A header and its body, for every type but kRecords.
std::string EncodeFrame(FrameHeader header, std::string_view body);

// Header and head of a kRecords, behind which the payload is written as it is. Sets the header's
// type, sizes, count and head checksum; position, time and payload checksum are the caller's.
std::string EncodeRecordsHead(const BatchKey& key, const std::vector<RecordSpan>& spans,
                              size_t payload_bytes, FrameHeader* header);

// The body of a kRequest.
std::string EncodeRequestBody(const BatchKey& key);

struct BatchBody {
  BatchKey key;
  std::vector<std::string_view> records;  // in the body that was decoded
};
// Of a kRecords, kBatch or kRequest. Nothing when the body is not what its header says.
std::optional<BatchBody> DecodeBatchBody(const FrameHeader& header, std::string_view body);

// The body of a kPositions: (workspace, stream uid) and the position after the last record.
struct StreamPosition {
  std::string workspace;
  std::string stream_uid;
  uint64_t next_position = 0;
};
std::string EncodePositionsBody(const std::vector<StreamPosition>& positions);
std::optional<std::vector<StreamPosition>> DecodePositionsBody(std::string_view body);

// One batch of a producer, without its records.
struct StoredBatch {
  uint64_t sequence = 0;
  uint64_t first_position = 0;
  uint32_t record_count = 0;
  uint32_t payload_crc = 0;
  absl::Time time;
  friend bool operator==(const StoredBatch&, const StoredBatch&) = default;
};

// The body of a kProducers: the last batch of each.
struct ProducerPosition {
  std::string workspace;
  std::string stream_uid;
  std::string producer_id;
  StoredBatch last;
};
std::string EncodeProducersBody(const std::vector<ProducerPosition>& producers);
std::optional<std::vector<ProducerPosition>> DecodeProducersBody(std::string_view body);

}  // namespace tarn::wal

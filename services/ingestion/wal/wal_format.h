// The bytes of the write-ahead log, as docs/formats/wal.md describes them: frames of a fixed header
// and a body, each with a checksum of its own. Pure functions; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <absl/time/time.h>

namespace tarn::ingestion {

inline constexpr size_t kFrameHeaderBytes = 48;
// What a frame may hold at most; a larger length is damage.
inline constexpr uint32_t kMaxFrameBodyBytes = 64u << 20;

enum class FrameType : uint8_t {
  kSegment = 1,    // first of every segment: which log, which segment
  kPositions = 2,  // second of every segment: the next position of every stream
  kBatch = 3,      // the records of one PutRecords
  kRequest = 4,    // a remembered request id, without its records
};

struct FrameHeader {
  FrameType type = FrameType::kBatch;
  uint32_t body_bytes = 0;
  uint32_t body_crc = 0;
  uint64_t first_position = 0;  // kBatch, kRequest; the segment's number in kSegment
  uint32_t record_count = 0;    // kBatch, kRequest
  absl::Time time;              // when it was written, to the microsecond
};

// Which stream's records a batch holds, and the request that brought them.
struct BatchKey {
  std::string workspace;
  std::string stream_uid;
  std::string request_id;     // "" without one
  uint64_t request_hash = 0;  // of the request's records, to tell a reuse of the id
  friend bool operator==(const BatchKey&, const BatchKey&) = default;
};

std::string EncodeFrameHeader(const FrameHeader& header);
// Nothing when the bytes are no sound header. `bytes` holds at least kFrameHeaderBytes.
std::optional<FrameHeader> DecodeFrameHeader(std::string_view bytes);

// The body of a kBatch; of a kRequest when `records` is empty.
std::string EncodeBatchBody(const BatchKey& key, const std::vector<std::string_view>& records);

struct BatchBody {
  BatchKey key;
  std::vector<std::string_view> records;  // in the body that was decoded
};
std::optional<BatchBody> DecodeBatchBody(std::string_view body);

// The body of a kPositions: (workspace, stream uid) and the position after the last record.
struct StreamPosition {
  std::string workspace;
  std::string stream_uid;
  uint64_t next_position = 0;
};
std::string EncodePositionsBody(const std::vector<StreamPosition>& positions);
std::optional<std::vector<StreamPosition>> DecodePositionsBody(std::string_view body);

}  // namespace tarn::ingestion

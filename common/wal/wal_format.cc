#include "common/wal/wal_format.h"

#include <algorithm>

#include "common/wal/crc32c.h"

namespace tarn::wal {
namespace {

constexpr uint32_t kMagic = 0x314c5754;  // "TWL1"
// What the 24 bits hold; no write is that long.
constexpr uint64_t kMaxWriteUnits = (1u << 24) - 1;
// Of a record's place in the table of a kRecords.
constexpr size_t kSpanBytes = 8;
// The four lengths and two numbers in the head of a kRecords.
constexpr size_t kFixedHeadBytes = 32;

// Little-endian on every machine.
template <typename T>
void Put(std::string& out, T value) {
  for (size_t i = 0; i < sizeof(T); ++i) {
    out.push_back(static_cast<char>(static_cast<uint64_t>(value) >> (8 * i)));
  }
}

// The same, where the room is there already: the table of a batch is long.
char* PutWord(char* at, uint32_t value) {
  for (size_t i = 0; i < sizeof(value); ++i) *at++ = static_cast<char>(value >> (8 * i));
  return at;
}

class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  template <typename T>
  bool Get(T& value) {
    if (rest_.size() < sizeof(T)) return false;
    uint64_t wide = 0;
    for (size_t i = 0; i < sizeof(T); ++i) {
      wide |= static_cast<uint64_t>(static_cast<uint8_t>(rest_[i])) << (8 * i);
    }
    value = static_cast<T>(wide);
    rest_.remove_prefix(sizeof(T));
    return true;
  }
  bool GetBytes(std::string_view& bytes) {
    uint32_t size = 0;
    if (!Get(size) || rest_.size() < size) return false;
    bytes = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return true;
  }
  bool GetString(std::string& text) {
    std::string_view bytes;
    if (!GetBytes(bytes)) return false;
    text = std::string(bytes);
    return true;
  }
  bool AtEnd() const { return rest_.empty(); }
  size_t size() const { return rest_.size(); }

 private:
  std::string_view rest_;
};

void PutBytes(std::string& out, std::string_view bytes) {
  Put<uint32_t>(out, static_cast<uint32_t>(bytes.size()));
  out.append(bytes);
}

bool IsKnown(uint8_t type) {
  return type >= static_cast<uint8_t>(FrameType::kSegment) &&
         type <= static_cast<uint8_t>(FrameType::kProducers);
}

bool GetKey(Reader& reader, BatchKey& key) {
  return reader.GetString(key.workspace) && reader.GetString(key.stream_uid) &&
         reader.GetString(key.request_id) && reader.Get(key.request_hash);
}

std::optional<BatchBody> DecodeRecords(const FrameHeader& header, std::string_view body) {
  if (header.head_bytes > body.size()) return std::nullopt;
  Reader reader(body.substr(0, header.head_bytes));
  const std::string_view payload = body.substr(header.head_bytes);
  BatchBody batch;
  if (!GetKey(reader, batch.key) || !reader.GetString(batch.key.producer_id) ||
      !reader.Get(batch.key.sequence) ||
      reader.size() != uint64_t{header.record_count} * kSpanBytes) {
    return std::nullopt;
  }
  batch.records.reserve(header.record_count);
  RecordSpan span;
  while (reader.Get(span.offset) && reader.Get(span.bytes)) {
    if (uint64_t{span.offset} + span.bytes > payload.size()) return std::nullopt;
    batch.records.push_back(payload.substr(span.offset, span.bytes));
  }
  return batch;
}

}  // namespace

std::string EncodeFrameHeader(const FrameHeader& header) {
  std::string out;
  out.reserve(kFrameHeaderBytes);
  Put<uint32_t>(out, kMagic);
  Put<uint8_t>(out, static_cast<uint8_t>(header.type));
  const uint64_t units = std::min(header.bytes_into_write / kWriteUnitBytes, kMaxWriteUnits);
  Put<uint8_t>(out, static_cast<uint8_t>(units));
  Put<uint16_t>(out, static_cast<uint16_t>(units >> 8));
  Put<uint32_t>(out, header.body_bytes);
  Put<uint32_t>(out, header.body_crc);
  Put<uint64_t>(out, header.first_position);
  Put<uint32_t>(out, header.record_count);
  Put<uint32_t>(out, header.head_bytes);
  Put<int64_t>(out, absl::ToUnixMicros(header.time));
  Put<uint32_t>(out, header.payload_crc);
  Put<uint32_t>(out, Crc32c(out));
  return out;
}

std::optional<FrameHeader> DecodeFrameHeader(std::string_view bytes) {
  Reader reader(bytes.substr(0, kFrameHeaderBytes));
  uint32_t magic = 0, crc = 0;
  uint8_t type = 0, low_units = 0;
  uint16_t high_units = 0;
  int64_t micros = 0;
  FrameHeader header;
  const bool whole = reader.Get(magic) && reader.Get(type) && reader.Get(low_units) &&
                     reader.Get(high_units) && reader.Get(header.body_bytes) &&
                     reader.Get(header.body_crc) && reader.Get(header.first_position) &&
                     reader.Get(header.record_count) && reader.Get(header.head_bytes) &&
                     reader.Get(micros) && reader.Get(header.payload_crc) && reader.Get(crc);
  if (!whole || magic != kMagic) return std::nullopt;
  if (crc != Crc32c(bytes.substr(0, kFrameHeaderBytes - 4))) return std::nullopt;
  if (!IsKnown(type) || header.body_bytes > kMaxFrameBodyBytes ||
      header.head_bytes > header.body_bytes) {
    return std::nullopt;
  }
  header.type = static_cast<FrameType>(type);
  header.bytes_into_write = (uint64_t{high_units} << 8 | low_units) * kWriteUnitBytes;
  header.time = absl::FromUnixMicros(micros);
  return header;
}

bool BodyIsSound(const FrameHeader& header, std::string_view body) {
  if (body.size() != header.body_bytes) return false;
  if (header.type != FrameType::kRecords) return Crc32c(body) == header.body_crc;
  return Crc32c(body.substr(0, header.head_bytes)) == header.body_crc &&
         Crc32c(body.substr(header.head_bytes)) == header.payload_crc;
}

std::string EncodeFrame(FrameHeader header, std::string_view body) {
  header.body_bytes = static_cast<uint32_t>(body.size());
  header.body_crc = Crc32c(body);
  return EncodeFrameHeader(header).append(body);
}

std::string EncodeRecordsHead(const BatchKey& key, const std::vector<RecordSpan>& spans,
                              size_t payload_bytes, FrameHeader* header) {
  std::string out;
  out.reserve(kFixedHeadBytes + key.workspace.size() + key.stream_uid.size() +
              key.request_id.size() + key.producer_id.size() + spans.size() * kSpanBytes);
  PutBytes(out, key.workspace);
  PutBytes(out, key.stream_uid);
  PutBytes(out, key.request_id);
  Put<uint64_t>(out, key.request_hash);
  PutBytes(out, key.producer_id);
  Put<uint64_t>(out, key.sequence);
  const size_t table = out.size();
  out.resize(table + spans.size() * kSpanBytes);
  char* at = out.data() + table;
  for (const RecordSpan& span : spans) {
    at = PutWord(at, span.offset);
    at = PutWord(at, span.bytes);
  }
  header->type = FrameType::kRecords;
  header->record_count = static_cast<uint32_t>(spans.size());
  header->head_bytes = static_cast<uint32_t>(out.size());
  header->body_bytes = static_cast<uint32_t>(out.size() + payload_bytes);
  header->body_crc = Crc32c(out);
  return out;
}

std::string EncodeRequestBody(const BatchKey& key) {
  std::string out;
  PutBytes(out, key.workspace);
  PutBytes(out, key.stream_uid);
  PutBytes(out, key.request_id);
  Put<uint64_t>(out, key.request_hash);
  return out;
}

std::optional<BatchBody> DecodeBatchBody(const FrameHeader& header, std::string_view body) {
  if (header.type == FrameType::kRecords) return DecodeRecords(header, body);
  Reader reader(body);
  BatchBody batch;
  if (!GetKey(reader, batch.key)) return std::nullopt;
  const size_t expected = header.type == FrameType::kBatch ? header.record_count : 0;
  while (batch.records.size() < expected) {
    std::string_view record;
    if (!reader.GetBytes(record)) return std::nullopt;
    batch.records.push_back(record);
  }
  if (!reader.AtEnd()) return std::nullopt;
  return batch;
}

std::string EncodePositionsBody(const std::vector<StreamPosition>& positions) {
  std::string out;
  for (const StreamPosition& position : positions) {
    PutBytes(out, position.workspace);
    PutBytes(out, position.stream_uid);
    Put<uint64_t>(out, position.next_position);
  }
  return out;
}

std::optional<std::vector<StreamPosition>> DecodePositionsBody(std::string_view body) {
  Reader reader(body);
  std::vector<StreamPosition> positions;
  while (!reader.AtEnd()) {
    StreamPosition& position = positions.emplace_back();
    if (!reader.GetString(position.workspace) || !reader.GetString(position.stream_uid) ||
        !reader.Get(position.next_position)) {
      return std::nullopt;
    }
  }
  return positions;
}

std::string EncodeProducersBody(const std::vector<ProducerPosition>& producers) {
  std::string out;
  for (const ProducerPosition& producer : producers) {
    PutBytes(out, producer.workspace);
    PutBytes(out, producer.stream_uid);
    PutBytes(out, producer.producer_id);
    Put<uint64_t>(out, producer.last.sequence);
    Put<uint64_t>(out, producer.last.first_position);
    Put<uint32_t>(out, producer.last.record_count);
    Put<uint32_t>(out, producer.last.payload_crc);
    Put<int64_t>(out, absl::ToUnixMicros(producer.last.time));
  }
  return out;
}

std::optional<std::vector<ProducerPosition>> DecodeProducersBody(std::string_view body) {
  Reader reader(body);
  std::vector<ProducerPosition> producers;
  while (!reader.AtEnd()) {
    ProducerPosition& producer = producers.emplace_back();
    int64_t micros = 0;
    if (!reader.GetString(producer.workspace) || !reader.GetString(producer.stream_uid) ||
        !reader.GetString(producer.producer_id) || !reader.Get(producer.last.sequence) ||
        !reader.Get(producer.last.first_position) || !reader.Get(producer.last.record_count) ||
        !reader.Get(producer.last.payload_crc) || !reader.Get(micros)) {
      return std::nullopt;
    }
    producer.last.time = absl::FromUnixMicros(micros);
  }
  return producers;
}

}  // namespace tarn::wal

#include "services/ingestion/wal/wal_format.h"

#include "services/ingestion/wal/crc32c.h"

namespace tarn::ingestion {
namespace {

constexpr uint32_t kMagic = 0x314c5754;  // "TWL1"

// Little-endian on every machine.
template <typename T>
void Put(std::string& out, T value) {
  for (size_t i = 0; i < sizeof(T); ++i) {
    out.push_back(static_cast<char>(static_cast<uint64_t>(value) >> (8 * i)));
  }
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

 private:
  std::string_view rest_;
};

void PutBytes(std::string& out, std::string_view bytes) {
  Put<uint32_t>(out, static_cast<uint32_t>(bytes.size()));
  out.append(bytes);
}

}  // namespace

std::string EncodeFrameHeader(const FrameHeader& header) {
  std::string out;
  out.reserve(kFrameHeaderBytes);
  Put<uint32_t>(out, kMagic);
  Put<uint8_t>(out, static_cast<uint8_t>(header.type));
  Put<uint8_t>(out, 0);
  Put<uint16_t>(out, 0);
  Put<uint32_t>(out, header.body_bytes);
  Put<uint32_t>(out, header.body_crc);
  Put<uint64_t>(out, header.first_position);
  Put<uint32_t>(out, header.record_count);
  Put<uint32_t>(out, 0);
  Put<int64_t>(out, absl::ToUnixMicros(header.time));
  Put<uint32_t>(out, 0);
  Put<uint32_t>(out, Crc32c(out));
  return out;
}

std::optional<FrameHeader> DecodeFrameHeader(std::string_view bytes) {
  Reader reader(bytes.substr(0, kFrameHeaderBytes));
  uint32_t magic = 0, reserved = 0, crc = 0;
  uint8_t type = 0, flags = 0;
  uint16_t more_flags = 0;
  int64_t micros = 0;
  FrameHeader header;
  const bool whole = reader.Get(magic) && reader.Get(type) && reader.Get(flags) &&
                     reader.Get(more_flags) && reader.Get(header.body_bytes) &&
                     reader.Get(header.body_crc) && reader.Get(header.first_position) &&
                     reader.Get(header.record_count) && reader.Get(reserved) &&
                     reader.Get(micros) && reader.Get(reserved) && reader.Get(crc);
  if (!whole || magic != kMagic) return std::nullopt;
  if (crc != Crc32c(bytes.substr(0, kFrameHeaderBytes - 4))) return std::nullopt;
  if (type < 1 || type > 4 || header.body_bytes > kMaxFrameBodyBytes) return std::nullopt;
  header.type = static_cast<FrameType>(type);
  header.time = absl::FromUnixMicros(micros);
  return header;
}

std::string EncodeBatchBody(const BatchKey& key, const std::vector<std::string_view>& records) {
  size_t size = 24 + key.workspace.size() + key.stream_uid.size() + key.request_id.size();
  for (std::string_view record : records) size += 4 + record.size();
  std::string out;
  out.reserve(size);
  PutBytes(out, key.workspace);
  PutBytes(out, key.stream_uid);
  PutBytes(out, key.request_id);
  Put<uint64_t>(out, key.request_hash);
  for (std::string_view record : records) PutBytes(out, record);
  return out;
}

std::optional<BatchBody> DecodeBatchBody(std::string_view body) {
  Reader reader(body);
  BatchBody batch;
  if (!reader.GetString(batch.key.workspace) || !reader.GetString(batch.key.stream_uid) ||
      !reader.GetString(batch.key.request_id) || !reader.Get(batch.key.request_hash)) {
    return std::nullopt;
  }
  while (!reader.AtEnd()) {
    std::string_view record;
    if (!reader.GetBytes(record)) return std::nullopt;
    batch.records.push_back(record);
  }
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

}  // namespace tarn::ingestion

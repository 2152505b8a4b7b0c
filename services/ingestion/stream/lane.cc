#include "services/ingestion/stream/lane.h"

#include <cstdint>
#include <cstring>

#include <absl/strings/str_cat.h>

#include "common/digest/sha256.h"

namespace tarn::ingestion {
namespace {

constexpr std::string_view kBackfill = "backfill";
constexpr std::string_view kReplay = "replay/";
constexpr size_t kDigits = 16;

}  // namespace

std::string LanePrefix(std::string_view stream_uid) {
  return absl::StrCat(std::string(stream_uid), "/");
}

Lane LiveLane(std::string_view stream_uid) {
  return {LaneKind::kLive, std::string(stream_uid), std::string(stream_uid)};
}

Lane BackfillLane(std::string_view stream_uid) {
  return {LaneKind::kBackfill, std::string(stream_uid),
          absl::StrCat(LanePrefix(stream_uid), std::string(kBackfill))};
}

Lane ReplayLane(std::string_view stream_uid, std::string_view destination) {
  Sha256 digest;
  digest.Update(destination);
  return {
      LaneKind::kReplay, std::string(stream_uid),
      absl::StrCat(LanePrefix(stream_uid), std::string(kReplay), digest.Hex().substr(0, kDigits))};
}

Lane LaneOfKey(std::string_view key) {
  const size_t end = key.find('/');
  if (end == std::string_view::npos) return LiveLane(key);
  const LaneKind kind = key.substr(end + 1) == kBackfill ? LaneKind::kBackfill : LaneKind::kReplay;
  return {kind, std::string(key.substr(0, end)), std::string(key)};
}

std::vector<Lane> LanesOf(const Stream& stream) {
  std::vector<Lane> lanes = {LiveLane(stream.uid), BackfillLane(stream.uid)};
  for (const v1::Destination& destination : DestinationsOf(stream.definition)) {
    lanes.push_back(ReplayLane(stream.uid, destination.table()));
  }
  return lanes;
}

// The machines that Tarn runs on are little endian.
std::string EncodeReplayedRecord(absl::Time ingest_time, std::string_view payload) {
  const int64_t micros = absl::ToUnixMicros(ingest_time);
  std::string record(reinterpret_cast<const char*>(&micros), sizeof micros);
  return record.append(payload);
}

void DecodeReplayedRecord(WalRecord& record) {
  int64_t micros = 0;
  if (record.lost || record.payload.size() < sizeof micros) return;
  std::memcpy(&micros, record.payload.data(), sizeof micros);
  record.time = absl::FromUnixMicros(micros);
  record.payload.remove_prefix(sizeof micros);
}

}  // namespace tarn::ingestion

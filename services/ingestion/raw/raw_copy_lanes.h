// Which lanes of a stream are copied: those that producers put records into. Pure; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "services/ingestion/stream/lane.h"

namespace tarn::ingestion {

// What the unit of raw copies is called among a lane's units; no table has such a name.
inline constexpr char kRawUnit[] = "raw";

inline bool IsCopied(const Lane& lane) { return lane.kind != LaneKind::kReplay; }

// What the write-ahead log knows them by.
inline std::vector<std::string> CopiedLaneKeys(std::string_view stream_uid) {
  return {LiveLane(stream_uid).key, BackfillLane(stream_uid).key};
}

}  // namespace tarn::ingestion

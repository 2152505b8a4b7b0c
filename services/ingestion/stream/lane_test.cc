#include "services/ingestion/stream/lane.h"

#include <set>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tarn::ingestion {
namespace {

TEST(LaneTest, EachLaneOfAStreamHasAKeyThatTellsWhatItIs) {
  Stream stream;
  stream.uid = "0b5c";
  stream.definition.add_destinations()->set_table("databases/d/tables/a");
  stream.definition.add_destinations()->set_table("databases/d/tables/b");
  const std::vector<Lane> lanes = LanesOf(stream);
  std::set<std::string> keys;
  for (const Lane& lane : lanes) {
    keys.insert(lane.key);
    EXPECT_EQ(LaneOfKey(lane.key).kind, lane.kind);
    EXPECT_EQ(LaneOfKey(lane.key).stream_uid, stream.uid);
    EXPECT_EQ(LaneOfKey(lane.key).key, lane.key);
  }
  EXPECT_EQ(keys.size(), 4u);
  // Logs of older releases know this one.
  EXPECT_EQ(lanes[0].key, stream.uid);
  // Never otherwise: what waits under these keys would be lost.
  EXPECT_EQ(lanes[1].key, "0b5c/backfill");
  EXPECT_EQ(lanes[2].key, "0b5c/replay/5a77f560fad6b3ff");
}

TEST(LaneTest, AReplayedRecordKeepsItsTime) {
  const absl::Time time = absl::FromUnixMicros(1'594'598'735'750'001);
  const std::string stored = EncodeReplayedRecord(time, "{\"a\":1}");
  WalRecord record{.position = 3, .time = absl::UnixEpoch(), .payload = stored};
  DecodeReplayedRecord(record);
  EXPECT_EQ(record.time, time);
  EXPECT_EQ(record.payload, "{\"a\":1}");
  // What stood in a damaged part has neither.
  WalRecord lost{.position = 4, .time = time, .payload = {}, .lost = true};
  DecodeReplayedRecord(lost);
  EXPECT_EQ(lost.time, time);
}

}  // namespace
}  // namespace tarn::ingestion

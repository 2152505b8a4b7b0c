// The lanes of a stream: each is a sequence of records of its own in the write-ahead log, with its
// own positions from 0, and towards the catalog a log of its own (log_id.h).
//
//   live      what producers put; for every destination. Its key is the stream's uid
//   backfill  history that is filled in beside it; for every destination: "<uid>/backfill"
//   replay    dead letters that were put back, of one destination and for it alone: "<uid>/replay/"
//             and 16 hexadecimal digits of the SHA-256 of the destination
//
// A record of a replay lane begins with the 8 bytes (little endian) of the time, in microseconds
// since 1970, at which it was first acknowledged.
//
// Plain values; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <absl/time/time.h>

#include "services/ingestion/stream/stream.h"
#include "services/ingestion/wal/write_ahead_log.h"

namespace tarn::ingestion {

enum class LaneKind { kLive, kBackfill, kReplay };

struct Lane {
  LaneKind kind = LaneKind::kLive;
  std::string stream_uid;
  // What the write-ahead log knows it by, as the uid of a stream.
  std::string key;
};

Lane LiveLane(std::string_view stream_uid);
Lane BackfillLane(std::string_view stream_uid);
// `destination` is `databases/{database}/tables/{table}`.
Lane ReplayLane(std::string_view stream_uid, std::string_view destination);
Lane LaneOfKey(std::string_view key);
// All that the stream has now.
std::vector<Lane> LanesOf(const Stream& stream);
// What the keys of a stream's further lanes begin with.
std::string LanePrefix(std::string_view stream_uid);

// A record of a replay lane, and back: the record gets its time and loses what stands before it.
std::string EncodeReplayedRecord(absl::Time ingest_time, std::string_view payload);
void DecodeReplayedRecord(WalRecord& record);

}  // namespace tarn::ingestion

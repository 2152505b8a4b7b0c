// What a write-ahead log holds, in memory: where the undelivered records of each stream stand,
// which positions come next, what the segments are still needed for, and which requests and
// producers were answered. Recovery fills it; the log keeps it going. Not thread safe: the log
// guards it.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <absl/time/time.h>

#include "common/wal/wal_format.h"
#include "services/ingestion/wal/producer_index.h"
#include "services/ingestion/wal/request_index.h"

namespace tarn::ingestion {

// One buffer with the records of a batch in it, in order and without overlap; what lies between
// them (line ends) is stored, but never read.
struct RecordBuffer {
  std::string payload;
  std::vector<wal::RecordSpan> spans;
};

// One frame of undelivered records.
struct FrameRef {
  uint64_t first_position = 0;
  uint32_t record_count = 0;
  uint32_t body_bytes = 0;
  uint64_t segment = 0;
  uint64_t offset = 0;
  absl::Time time;
  std::shared_ptr<const RecordBuffer> records;  // null: read them back
  bool lost = false;                            // they stood in a damaged part
  // Of all the stream's frames before it, those that are gone included; LogState counts them.
  uint64_t bytes_before = 0;
};

// What of a stream is not yet delivered, or of its records from some position on.
struct StreamBacklog {
  uint64_t end_position = 0;
  uint64_t delivered_position = 0;
  uint64_t bytes = 0;
  absl::Time oldest = absl::InfiniteFuture();
};

// What a segment begins with.
struct LogSnapshot {
  std::vector<wal::StreamPosition> positions;
  std::vector<wal::ProducerPosition> producers;
};

class LogState {
 public:
  explicit LogState(absl::Duration producer_retention) : producers_(producer_retention) {}

  RequestIndex& requests() { return requests_; }
  const RequestIndex& requests() const { return requests_; }
  ProducerIndex& producers() { return producers_; }
  const ProducerIndex& producers() const { return producers_; }

  // Segments. The newest whose first frames hold the positions of all streams is needed for them.
  void AddSegment(uint64_t number);
  void SetSegmentBytes(uint64_t number, uint64_t bytes);
  void SetHasPositions(uint64_t number);
  void ForgetSegment(uint64_t number);
  struct Removable {
    uint64_t number = 0;
    bool has_requests = false;
  };
  // Those in which nothing is undelivered, oldest first.
  std::vector<Removable> RemovableSegments() const;
  // Of all segments together.
  uint64_t disk_bytes() const { return disk_bytes_; }
  bool all_delivered() const { return undelivered_frames_ == 0; }

  // A batch that stands in the log. Its records follow those that were added before.
  void AddBatch(const wal::BatchKey& key, uint32_t payload_crc, FrameRef frame);
  // Positions and producers as a frame of the log tells them; positions never go back.
  void AddPositions(const std::vector<wal::StreamPosition>& positions);
  void AddProducers(const std::vector<wal::ProducerPosition>& producers);
  // After recovery found damage in `segment`: positions that were given out behind a stream's last
  // frame are those of records that are lost (or delivered, as SetDelivered will tell).
  void AddLostTails(uint64_t segment, absl::Time now);
  // Forgets producers that are silent for too long.
  LogSnapshot Snapshot(absl::Time now);

  // Of a batch on its way: its stream is known from now on, and not closed before it has ended.
  void BatchBegins(const wal::BatchKey& key);
  void BatchEnds(const wal::BatchKey& key);
  bool IsClosed(const std::string& stream_uid) const;
  bool Close(const std::string& stream_uid);
  void Reopen(const std::string& stream_uid);

  uint64_t NextPosition(const std::string& stream_uid) const;
  // The positions before this one are given out already.
  void ReservePositions(const std::string& workspace, const std::string& stream_uid,
                        uint64_t position);
  uint64_t ReservedPosition(const std::string& stream_uid) const;
  void SetDelivered(const std::string& workspace, const std::string& stream_uid, uint64_t position);
  // Of what is undelivered, the frames that have records at or after `from`.
  StreamBacklog Backlog(const std::string& stream_uid, uint64_t from) const;
  // Of the first undelivered record that was written at `time` or later; else the next one.
  uint64_t PositionAt(const std::string& stream_uid, absl::Time time) const;
  // Behind the last undelivered record that was written before `time`; 0 where there is none.
  uint64_t EndBefore(const std::string& stream_uid, absl::Time time) const;
  // Workspace and uid.
  std::vector<std::pair<std::string, std::string>> UndeliveredStreams() const;
  // From the one with `from` on, at least one and up to about `max_bytes`.
  std::vector<FrameRef> Frames(const std::string& stream_uid, uint64_t from,
                               uint64_t max_bytes) const;

  // Bytes of the frames whose records are in memory.
  int64_t cached_bytes() const { return cached_bytes_; }

 private:
  struct StreamState {
    std::string workspace;
    uint64_t next_position = 0;
    uint64_t reserved = 0;  // what was told by ReservePositions
    uint64_t delivered = 0;
    uint64_t bytes = 0;
    int in_flight = 0;  // batches that are queued or being written
    bool closed = false;
    std::deque<FrameRef> frames;
  };
  struct SegmentState {
    uint64_t bytes = 0;
    uint64_t undelivered_frames = 0;
    bool has_requests = false;
    bool has_positions = false;
  };

  // Puts it behind the stream's last frame.
  void Push(StreamState& stream, FrameRef frame);
  // The frame is about to go.
  void Release(StreamState& stream, const FrameRef& frame);

  std::map<uint64_t, SegmentState> segments_;  // by number
  uint64_t disk_bytes_ = 0;
  uint64_t undelivered_frames_ = 0;
  std::map<std::string, StreamState> streams_;
  int64_t cached_bytes_ = 0;
  RequestIndex requests_;
  ProducerIndex producers_;
};

}  // namespace tarn::ingestion

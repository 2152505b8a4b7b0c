#include "services/ingestion/wal/log_state.h"

#include <algorithm>
#include <limits>

namespace tarn::ingestion {
namespace {

// The first whose end is behind `from`; positions ascend.
std::deque<FrameRef>::const_iterator FirstFrame(const std::deque<FrameRef>& frames, uint64_t from) {
  return std::partition_point(frames.begin(), frames.end(), [&](const FrameRef& each) {
    return each.first_position + each.record_count <= from;
  });
}

}  // namespace

void LogState::AddSegment(uint64_t number) { segments_.try_emplace(number); }

void LogState::SetSegmentBytes(uint64_t number, uint64_t bytes) {
  SegmentState& segment = segments_[number];
  disk_bytes_ += bytes - segment.bytes;
  segment.bytes = bytes;
}

void LogState::SetHasPositions(uint64_t number) { segments_[number].has_positions = true; }

void LogState::ForgetSegment(uint64_t number) {
  SetSegmentBytes(number, 0);
  segments_.erase(number);
}

std::vector<LogState::Removable> LogState::RemovableSegments() const {
  std::vector<Removable> removable;
  // The newest one with the positions need not be the last: that may just be made, or its first
  // write may have failed.
  const auto newest = std::find_if(segments_.rbegin(), segments_.rend(), [](const auto& segment) {
    return segment.second.has_positions;
  });
  if (newest == segments_.rend()) return removable;
  for (auto it = segments_.begin(); it->first < newest->first; ++it) {
    if (it->second.undelivered_frames == 0) {
      removable.push_back({it->first, it->second.has_requests});
    }
  }
  return removable;
}

void LogState::AddBatch(const wal::BatchKey& key, uint32_t payload_crc, FrameRef frame) {
  SegmentState& segment = segments_[frame.segment];
  if (!key.request_id.empty()) {
    segment.has_requests = true;
    requests_.Add(key, {.request_hash = key.request_hash,
                        .first_position = frame.first_position,
                        .record_count = frame.record_count,
                        .time = frame.time});
  }
  if (!key.producer_id.empty()) {
    producers_.Add(key, {.sequence = key.sequence,
                         .first_position = frame.first_position,
                         .record_count = frame.record_count,
                         .payload_crc = payload_crc,
                         .time = frame.time});
  }
  StreamState& stream = streams_[key.stream_uid];
  stream.workspace = key.workspace;
  if (frame.record_count == 0) return;  // its name is all that there is of it
  // A later frame with an earlier position counts: what it replaces was never acknowledged.
  while (!stream.frames.empty() && stream.frames.back().first_position >= frame.first_position) {
    Release(stream, stream.frames.back());
    stream.frames.pop_back();
  }
  stream.next_position = std::max(stream.next_position, frame.first_position + frame.record_count);
  if (frame.records != nullptr) cached_bytes_ += frame.body_bytes;
  Push(stream, std::move(frame));
}

void LogState::Push(StreamState& stream, FrameRef frame) {
  if (!stream.frames.empty()) {
    frame.bytes_before = stream.frames.back().bytes_before + stream.frames.back().body_bytes;
  }
  stream.bytes += frame.body_bytes;
  ++segments_[frame.segment].undelivered_frames;
  ++undelivered_frames_;
  stream.frames.push_back(std::move(frame));
}

void LogState::Release(StreamState& stream, const FrameRef& frame) {
  stream.bytes -= frame.body_bytes;
  if (frame.records != nullptr) cached_bytes_ -= frame.body_bytes;
  --undelivered_frames_;
  if (auto segment = segments_.find(frame.segment); segment != segments_.end()) {
    --segment->second.undelivered_frames;
  }
}

void LogState::AddPositions(const std::vector<wal::StreamPosition>& positions) {
  for (const wal::StreamPosition& position : positions) {
    StreamState& stream = streams_[position.stream_uid];
    stream.workspace = position.workspace;
    stream.next_position = std::max(stream.next_position, position.next_position);
  }
}

void LogState::AddProducers(const std::vector<wal::ProducerPosition>& producers) {
  for (const wal::ProducerPosition& producer : producers) {
    producers_.Add({.workspace = producer.workspace,
                    .stream_uid = producer.stream_uid,
                    .producer_id = producer.producer_id},
                   producer.last);
  }
}

void LogState::AddLostTails(uint64_t segment, absl::Time now) {
  for (auto& [uid, stream] : streams_) {
    uint64_t end = stream.frames.empty()
                       ? 0
                       : stream.frames.back().first_position + stream.frames.back().record_count;
    while (end < stream.next_position) {
      const auto count = static_cast<uint32_t>(
          std::min<uint64_t>(stream.next_position - end, std::numeric_limits<uint32_t>::max()));
      // Not without bytes: what has none is not due for delivery.
      Push(stream, {.first_position = end,
                    .record_count = count,
                    .body_bytes = wal::kFrameHeaderBytes,
                    .segment = segment,
                    .time = now,
                    .records = nullptr,
                    .lost = true});
      end += count;
    }
  }
}

LogSnapshot LogState::Snapshot(absl::Time now) {
  LogSnapshot snapshot;
  for (const auto& [uid, stream] : streams_) {
    if (stream.closed || stream.workspace.empty()) continue;
    snapshot.positions.push_back({stream.workspace, uid, stream.next_position});
  }
  producers_.Purge(now);
  snapshot.producers = producers_.Snapshot();
  return snapshot;
}

void LogState::BatchBegins(const wal::BatchKey& key) {
  StreamState& stream = streams_[key.stream_uid];
  stream.workspace = key.workspace;
  ++stream.in_flight;
}

void LogState::BatchEnds(const wal::BatchKey& key) { --streams_[key.stream_uid].in_flight; }

bool LogState::IsClosed(const std::string& stream_uid) const {
  const auto found = streams_.find(stream_uid);
  return found != streams_.end() && found->second.closed;
}

bool LogState::Close(const std::string& stream_uid) {
  StreamState& stream = streams_[stream_uid];
  if (stream.in_flight > 0 || !stream.frames.empty()) return false;
  stream.closed = true;
  return true;
}

void LogState::Reopen(const std::string& stream_uid) { streams_[stream_uid].closed = false; }

uint64_t LogState::NextPosition(const std::string& stream_uid) const {
  const auto found = streams_.find(stream_uid);
  return found == streams_.end() ? 0 : found->second.next_position;
}

void LogState::ReservePositions(const std::string& workspace, const std::string& stream_uid,
                                uint64_t position) {
  StreamState& stream = streams_[stream_uid];
  stream.workspace = workspace;
  stream.reserved = std::max(stream.reserved, position);
  stream.next_position = std::max(stream.next_position, position);
}

uint64_t LogState::ReservedPosition(const std::string& stream_uid) const {
  const auto found = streams_.find(stream_uid);
  return found == streams_.end() ? 0 : found->second.reserved;
}

void LogState::SetDelivered(const std::string& workspace, const std::string& stream_uid,
                            uint64_t position) {
  ReservePositions(workspace, stream_uid, position);
  StreamState& stream = streams_[stream_uid];
  stream.delivered = std::max(stream.delivered, position);
  while (!stream.frames.empty() &&
         stream.frames.front().first_position + stream.frames.front().record_count <=
             stream.delivered) {
    Release(stream, stream.frames.front());
    stream.frames.pop_front();
  }
}

StreamBacklog LogState::Backlog(const std::string& stream_uid, uint64_t from) const {
  StreamBacklog backlog;
  const auto found = streams_.find(stream_uid);
  if (found == streams_.end()) return backlog;
  const StreamState& stream = found->second;
  backlog.end_position = stream.next_position;
  backlog.delivered_position = stream.delivered;
  const auto frame = FirstFrame(stream.frames, from);
  if (frame == stream.frames.end()) return backlog;
  backlog.bytes = stream.bytes - (frame->bytes_before - stream.frames.front().bytes_before);
  backlog.oldest = frame->time;
  return backlog;
}

uint64_t LogState::PositionAt(const std::string& stream_uid, absl::Time time) const {
  const auto found = streams_.find(stream_uid);
  if (found == streams_.end()) return 0;
  for (const FrameRef& frame : found->second.frames) {
    if (frame.time >= time) return frame.first_position;
  }
  return found->second.next_position;
}

uint64_t LogState::EndBefore(const std::string& stream_uid, absl::Time time) const {
  const auto found = streams_.find(stream_uid);
  if (found == streams_.end()) return 0;
  const std::deque<FrameRef>& frames = found->second.frames;
  // The clock may have gone back: the times need not be in order.
  const auto last = std::find_if(frames.rbegin(), frames.rend(),
                                 [&](const FrameRef& frame) { return frame.time < time; });
  return last == frames.rend() ? 0 : last->first_position + last->record_count;
}

std::vector<std::pair<std::string, std::string>> LogState::UndeliveredStreams() const {
  std::vector<std::pair<std::string, std::string>> streams;
  for (const auto& [uid, stream] : streams_) {
    if (!stream.frames.empty()) streams.emplace_back(stream.workspace, uid);
  }
  return streams;
}

std::vector<FrameRef> LogState::Frames(const std::string& stream_uid, uint64_t from,
                                       uint64_t max_bytes) const {
  std::vector<FrameRef> frames;
  const auto found = streams_.find(stream_uid);
  if (found == streams_.end()) return frames;
  auto frame = FirstFrame(found->second.frames, from);
  uint64_t bytes = 0;
  for (; frame != found->second.frames.end(); ++frame) {
    if (!frames.empty() && bytes + frame->body_bytes > max_bytes) break;
    bytes += frame->body_bytes;
    frames.push_back(*frame);
  }
  return frames;
}

}  // namespace tarn::ingestion

#include "services/ingestion/wal/segment_writer.h"

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include <absl/strings/str_cat.h>

#include "common/failpoint/failpoint.h"
#include "common/logging/logging.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "common/wal/wal_folder.h"

namespace tarn::ingestion {
namespace {

using wal::EncodeFrame;
using wal::FrameType;

// Some 100 bytes each: frames of at most a few MiB.
constexpr size_t kProducersInFrame = 10'000;

}  // namespace

std::vector<std::string> SnapshotFrames(const LogSnapshot& snapshot, absl::Time time,
                                        uint64_t into_write) {
  std::vector<std::string> frames;
  const auto add = [&](FrameType type, const std::string& body) {
    frames.push_back(
        EncodeFrame({.type = type, .bytes_into_write = into_write, .time = time}, body));
    into_write += frames.back().size();
  };
  add(FrameType::kPositions, wal::EncodePositionsBody(snapshot.positions));
  const auto& producers = snapshot.producers;
  for (size_t begin = 0; begin < producers.size(); begin += kProducersInFrame) {
    const auto first = producers.begin() + static_cast<std::ptrdiff_t>(begin);
    const auto last =
        first + static_cast<std::ptrdiff_t>(std::min(producers.size() - begin, kProducersInFrame));
    add(FrameType::kProducers, wal::EncodeProducersBody({first, last}));
  }
  return frames;
}

SegmentWriter::SegmentWriter(std::filesystem::path folder, std::string uuid, uint64_t last_segment,
                             uint64_t segment_bytes, OpenAppendFile open_file,
                             std::function<LogSnapshot()> snapshot)
    : folder_(std::move(folder)),
      uuid_(std::move(uuid)),
      limit_(segment_bytes),
      open_file_(std::move(open_file)),
      snapshot_(std::move(snapshot)),
      segment_(last_segment) {}

absl::Status SegmentWriter::BeginSegment(absl::Time time, std::vector<std::string>& frames) {
  file_.reset();
  written_ = 0;
  // A number is never tried twice: a file that could not be opened in good order may be there.
  ++segment_;
  TARN_ASSIGN_OR_RETURN(file_,
                        open_file_(wal::NumberedPath(folder_, segment_, wal::kSegmentSuffix)));
  frames.push_back(
      EncodeFrame({.type = FrameType::kSegment, .first_position = segment_, .time = time}, uuid_));
  for (std::string& frame : SnapshotFrames(snapshot_(), time, frames.front().size())) {
    frames.push_back(std::move(frame));
  }
  mark_ = {};  // all of it stands in the snapshot
  return absl::OkStatus();
}

absl::Status SegmentWriter::WriteGroup(const std::vector<OutgoingBatch*>& group, absl::Time time) {
  std::vector<std::string> frames;
  if (file_ == nullptr || written_ >= limit_) {
    TARN_RETURN_IF_ERROR(BeginSegment(time, frames));
  } else {
    frames = MarkFrames(time);
  }
  uint64_t end = written_;
  for (const std::string& frame : frames) end += frame.size();
  std::vector<std::string> heads;
  heads.reserve(group.size());
  for (OutgoingBatch* batch : group) {
    batch->offset = end;
    batch->header.time = time;
    batch->header.bytes_into_write = end - written_;
    heads.push_back(wal::EncodeFrameHeader(batch->header).append(batch->head));
    end += wal::kFrameHeaderBytes + batch->header.body_bytes;
  }
  std::vector<std::string_view> pieces(frames.begin(), frames.end());
  pieces.reserve(frames.size() + 2 * group.size());
  for (size_t i = 0; i < group.size(); ++i) {
    pieces.push_back(heads[i]);
    pieces.push_back(group[i]->records->payload);
  }
  absl::Status status = file_->Append(pieces);
  if (status.ok()) {
    TARN_FAILPOINT("ingestion.wal.after_write");
    status = file_->Sync();
  }
  if (!status.ok()) return AbandonTail(status);
  written_ = end;
  mark_ = {};  // the one before stands in front of this group
  Remember(group);
  return absl::OkStatus();
}

void SegmentWriter::Remember(const std::vector<OutgoingBatch*>& group) {
  for (const OutgoingBatch* batch : group) {
    const wal::BatchKey& key = batch->key;
    const wal::FrameHeader& header = batch->header;
    mark_.positions[key.stream_uid] = {key.workspace, key.stream_uid,
                                       header.first_position + header.record_count};
    if (key.producer_id.empty()) continue;
    mark_.producers[ProducerIndex::NameOf(key)] = {
        key.workspace,
        key.stream_uid,
        key.producer_id,
        {key.sequence, header.first_position, header.record_count, header.payload_crc,
         header.time}};
  }
}

std::vector<std::string> SegmentWriter::MarkFrames(absl::Time time) const {
  if (mark_.positions.empty()) return {};
  LogSnapshot mark;
  for (const auto& [uid, position] : mark_.positions) mark.positions.push_back(position);
  for (const auto& [name, producer] : mark_.producers) mark.producers.push_back(producer);
  return SnapshotFrames(mark, time);
}

absl::Status SegmentWriter::WriteMark(absl::Time time) {
  const std::vector<std::string> frames = MarkFrames(time);
  if (frames.empty() || file_ == nullptr) return absl::OkStatus();
  if (absl::Status status = file_->Append({frames.begin(), frames.end()}); !status.ok()) {
    return AbandonTail(status);  // the next segment's beginning takes its place
  }
  for (const std::string& frame : frames) written_ += frame.size();
  mark_ = {};
  return absl::OkStatus();
}

// The tail of a failed write is cut off, and the segment is never written to again: after a failed
// flush nobody knows what the system still holds of it. Should even the cut fail, the positions at
// the beginning of the next segment tell which of the frames are to be left out.
absl::Status SegmentWriter::AbandonTail(const absl::Status& error) {
  const std::filesystem::path path = wal::NumberedPath(folder_, segment_, wal::kSegmentSuffix);
  absl::Status cut = file_->Truncate(written_);
  if (cut.ok()) cut = file_->Sync();
  file_.reset();
  if (written_ == 0) {
    // Nothing was ever kept in it. On a full disk there would be one more for every attempt.
    std::error_code code;
    if (std::filesystem::remove(path, code)) cut = absl::OkStatus();
  }
  if (cut.ok()) return error;
  return MakeError(absl::StatusCode::kUnknown, "WAL_OUTCOME_UNKNOWN",
                   absl::StrCat("the write-ahead log could neither flush records nor cut them off "
                                "again (",
                                error.message(), "; ", cut.message(),
                                "). They may or may not be stored: send them again under the same "
                                "request_id or sequence, and have the disk checked"));
}

}  // namespace tarn::ingestion

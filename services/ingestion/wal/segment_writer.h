// Writes groups of batches to the log's newest segment, each with one write and one flush, and
// begins new segments. One thread (the log's).
//
// Every group is followed by a mark: the positions and sequences that it led to, once more. It is
// written with the next group, or at once (WriteMark) when there is none. So even if a group can no
// longer be read, its positions and sequences are not given out again.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/time/time.h>

#include "common/wal/wal_format.h"
#include "services/ingestion/wal/append_file.h"
#include "services/ingestion/wal/log_state.h"

namespace tarn::ingestion {

// A batch on its way to the disk. The writer sets `header.time` and `offset`.
struct OutgoingBatch {
  wal::BatchKey key;
  wal::FrameHeader header;
  std::string head;
  std::shared_ptr<const RecordBuffer> records;
  uint64_t offset = 0;
};

class SegmentWriter {
 public:
  // Appends to the segments after `last_segment`. `snapshot` gives what a new one begins with.
  SegmentWriter(std::filesystem::path folder, std::string uuid, uint64_t last_segment,
                uint64_t segment_bytes, OpenAppendFile open_file,
                std::function<LogSnapshot()> snapshot);

  // On success all of it is durable. Else none of it is to be found later, with one exception:
  //   UNKNOWN WAL_OUTCOME_UNKNOWN  it could neither be flushed nor cut off. It is left out at the
  //                                next opening if any group is written until then.
  // Every other error is that of the disk (append_file.h).
  absl::Status WriteGroup(const std::vector<OutgoingBatch*>& group, absl::Time time);

  // The mark of the last group, not flushed: it serves a killed process at once, a machine that
  // lost its power when the system has written it. Without one to write it does nothing.
  absl::Status WriteMark(absl::Time time);

  // The segment of the last group, or the one that was tried; 0 before the first.
  uint64_t segment() const { return segment_; }
  // Its size, up to the end of the last group or mark; 0 when it is gone again.
  uint64_t segment_bytes() const { return written_; }

 private:
  struct Mark {
    std::map<std::string, wal::StreamPosition> positions;    // by stream uid
    std::map<std::string, wal::ProducerPosition> producers;  // by ProducerIndex::NameOf
  };

  absl::Status BeginSegment(absl::Time time, std::vector<std::string>& frames);
  void Remember(const std::vector<OutgoingBatch*>& group);
  std::vector<std::string> MarkFrames(absl::Time time) const;
  absl::Status AbandonTail(const absl::Status& error);

  const std::filesystem::path folder_;
  const std::string uuid_;
  const uint64_t limit_;
  const OpenAppendFile open_file_;
  const std::function<LogSnapshot()> snapshot_;
  uint64_t segment_;
  std::unique_ptr<AppendFile> file_;  // null: begin a new one
  uint64_t written_ = 0;
  Mark mark_;
};

// What a segment begins with, after its first frame; also what the file POSITIONS holds.
// `into_write`: bytes of the same write that come before it.
std::vector<std::string> SnapshotFrames(const LogSnapshot& snapshot, absl::Time time,
                                        uint64_t into_write = 0);

}  // namespace tarn::ingestion

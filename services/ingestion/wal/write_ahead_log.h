// The write-ahead log of one instance: records are in it, flushed, before they are acknowledged,
// and stay until they are delivered. docs/formats/wal.md describes the files.
//
// Group commit: Append only queues; one thread writes all that is queued with one write and one
// flush, and then answers. While it flushes, the next group gathers.
//
// Memory and disk are bounded. What comes faster than the disk takes it waits in the queue for its
// answer, and is refused with WAL_OVERLOADED when the queue is full. When the log has reached its
// size, the queue waits for delivery to make room, each batch up to `max_full_wait`, and is then
// refused with WAL_FULL. Both have "retry_delay_ms" in their metadata.
//
// Positions: the records of each stream are numbered 0, 1, 2… without a gap, in the order in which
// they are written; a write that failed uses none up.
//
// Producers: a batch may bear the id of its producer and a sequence, 1, 2, 3… for each stream. The
// log stores each once and in this order, across restarts too:
//   stored before             answered from there (`replayed`)
//   being written right now   gets that one's answer
//   the next one              stored; several may be on their way at once. When one cannot be
//                             written, those behind it fail as well, with the same error
//   anything later            OUT_OF_RANGE SEQUENCE_GAP, metadata "expected_sequence"
// A batch without records takes up its sequence too. A producer is forgotten when it has stored
// nothing for `producer_retention`; its next sequence is 1 then. LastSequence says where it is.
//
// Threads: every function is safe on any thread. Callbacks run on the log's own thread without its
// lock held, and must not block for long. Errors: RESOURCE_EXHAUSTED DISK_FULL, WAL_FULL and
// WAL_OVERLOADED, in all of which nothing was stored; UNKNOWN WAL_OUTCOME_UNKNOWN (a failing disk:
// send again under the same name); FAILED_PRECONDITION WAL_IN_USE, REQUEST_ID_REUSED and
// SEQUENCE_REUSED (other records came under the same name before); OUT_OF_RANGE SEQUENCE_GAP;
// RESOURCE_EXHAUSTED TOO_MANY_PRODUCERS; INVALID_ARGUMENT INVALID_FIELD and BATCH_TOO_LARGE;
// UNAVAILABLE WAL_CLOSED.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "common/clock/clock.h"
#include "common/wal/wal_format.h"
#include "services/ingestion/ingestion_metrics.h"
#include "services/ingestion/wal/append_file.h"
#include "services/ingestion/wal/append_outcome.h"
#include "services/ingestion/wal/batch_names.h"
#include "services/ingestion/wal/log_state.h"
#include "services/ingestion/wal/recovery.h"
#include "services/ingestion/wal/segment_remover.h"
#include "services/ingestion/wal/segment_writer.h"

namespace tarn::ingestion {

using wal::RecordSpan;

struct WriteAheadLogOptions {
  std::filesystem::path folder;
  // At most a quarter of max_bytes, so that what is delivered can be removed.
  int64_t segment_bytes = 64LL << 20;
  // Bytes on disk, above which records wait, and are then refused.
  int64_t max_bytes = 16LL << 30;
  absl::Duration max_full_wait = absl::Seconds(5);
  // Bytes of undelivered records that are kept in memory too; the rest is read back.
  int64_t cache_bytes = 128LL << 20;
  // Bytes that may wait to be written.
  int64_t max_queued_bytes = 64LL << 20;
  // How long after its last batch a producer is remembered, and how many are at once.
  absl::Duration producer_retention = absl::Hours(24);
  int64_t max_producers = 100'000;
  // Disk space that is set aside for removing segments from a full disk.
  int64_t reserve_bytes = 4LL << 20;
  OpenAppendFile open_file = OpenPosixAppendFile;
};

struct WalRecord {
  uint64_t position = 0;
  absl::Time time;
  std::string_view payload;
  // The record stood in a damaged part of the log; there is no payload.
  bool lost = false;
};

// Records as they were read; the payloads live as long as this does.
struct WalRecords {
  std::vector<WalRecord> records;
  std::vector<std::shared_ptr<const std::string>> bodies;
};

class WriteAheadLog {
 public:
  // Reads what is there, cuts a torn tail, sets damage aside, and begins a new segment. The folder
  // is made when it is missing. `clock` and `metrics` outlive the log.
  static absl::StatusOr<std::unique_ptr<WriteAheadLog>> Open(WriteAheadLogOptions options,
                                                             Clock& clock,
                                                             IngestionMetrics& metrics);
  // Flushes what is queued and ends the thread.
  ~WriteAheadLog();
  WriteAheadLog(const WriteAheadLog&) = delete;
  WriteAheadLog& operator=(const WriteAheadLog&) = delete;

  const std::string& uuid() const { return uuid_; }
  const WalOpenReport& open_report() const { return report_; }

  // Called with the stream's uid when new records of it are durable. Set once, before Append.
  void OnDurable(std::function<void(const std::string& stream_uid)> callback);

  // Queues one batch and returns at once; `done` gets the answer once it is durable, on the log's
  // thread, or on this one when the answer is known already. The buffer is taken over as it is. A
  // request id that was stored before is answered from there; one that is being stored right now
  // gets that one's answer.
  void Append(BatchKey key, RecordBuffer records, AppendDone done);
  // The same; the records are copied (once) before this returns.
  void Append(BatchKey key, const std::vector<std::string_view>& records, AppendDone done);
  absl::StatusOr<AppendOutcome> AppendAndWait(BatchKey key,
                                              const std::vector<std::string_view>& records);
  // What a request id stored, when it was stored.
  std::optional<StoredRequest> FindRequest(const BatchKey& key) const;
  // The last batch that the producer of `key` stored in the stream of `key` (the rest of it does
  // not matter); nothing when there is none, or it is forgotten: its next sequence is 1.
  std::optional<StoredBatch> LastSequence(const BatchKey& key) const;

  // The positions before this one are known to be given out, perhaps by a later state of this log
  // that was lost: new records get positions from there at least. Not for a stream that is just
  // appended to for the first time.
  void ReservePositions(const std::string& workspace, const std::string& stream_uid,
                        uint64_t position);
  // Everything of the stream before `position` is delivered, durably so, and is never read again;
  // the positions are reserved.
  void SetDelivered(const std::string& workspace, const std::string& stream_uid, uint64_t position);
  // Takes no more records of streams that are to be deleted (NOT_FOUND STREAM_NOT_FOUND). False,
  // and nothing is changed, when records of one are undelivered or being written.
  bool CloseStreams(const std::vector<std::string>& stream_uids);
  void ReopenStreams(const std::vector<std::string>& stream_uids);
  // Removes the segments in which nothing is undelivered, keeping request ids, positions and
  // producers. One that cannot be removed does not keep the others; the first error is returned.
  absl::Status RemoveDeliveredSegments();

  // Of what is undelivered, that with records at or after `from`.
  StreamBacklog Backlog(const std::string& stream_uid, uint64_t from = 0) const;
  // Of the first undelivered record that was written at `time` or later; else the next one to be
  // given out.
  uint64_t PositionAt(const std::string& stream_uid, absl::Time time) const;
  // Behind the last undelivered record that was written before `time`; where there is none, 0.
  uint64_t EndBefore(const std::string& stream_uid, absl::Time time) const;
  // No record that is written from now on bears an earlier time, should the clock go back. False
  // while one with an earlier time is just being written: ask again.
  bool StampFrom(absl::Time time);
  // Workspace and uid of the streams with undelivered records.
  std::vector<std::pair<std::string, std::string>> UndeliveredStreams() const;
  // The undelivered records from `from` on, at least one and up to about `max_bytes`.
  absl::StatusOr<WalRecords> Read(const std::string& stream_uid, uint64_t from,
                                  uint64_t max_bytes) const;
  // Bytes of the segments on disk.
  uint64_t disk_bytes() const;

 private:
  WriteAheadLog(WriteAheadLogOptions options, Clock& clock, IngestionMetrics& metrics);

  absl::Status Recover();
  absl::Status LockFolder();

  // The log's thread.
  void Run();
  using Group = std::vector<std::unique_ptr<QueuedBatch>>;
  // Waits until there is something to write, or to refuse because there is no room for it (`full`).
  // Empty at the end.
  Group TakeGroup(bool& full);
  // `time`: that of its records.
  void WriteAndAnswer(Group group, absl::Time time);
  // Answers everybody, and everybody behind them of the same producers.
  void FailGroup(Group group, const absl::Status& error);

  // Under the lock.
  // The answer that can be given now; else the batch is queued (or waits for its twin), and both
  // arguments are taken.
  std::optional<absl::StatusOr<AppendOutcome>> AnswerOrQueue(std::unique_ptr<QueuedBatch>& batch,
                                                             AppendDone& done);
  bool HasRoom() const;
  void NumberRecords(Group& group) const;
  void End(const QueuedBatch& batch);

  const WriteAheadLogOptions options_;
  Clock& clock_;
  IngestionMetrics& metrics_;
  int lock_fd_ = -1;
  std::string uuid_;
  WalOpenReport report_;
  std::function<void(const std::string&)> on_durable_;

  // The log's thread only.
  std::unique_ptr<SegmentWriter> writer_;
  bool failing_ = false;  // the last group could not be written

  std::mutex removal_mutex_;  // held while segments are removed; before mutex_
  SegmentRemover remover_;

  mutable std::mutex mutex_;
  std::condition_variable queue_changed_;
  bool stop_ = false;
  std::deque<std::unique_ptr<QueuedBatch>> queue_;
  int64_t queued_bytes_ = 0;     // what is being written included
  double bytes_per_second_ = 0;  // of the last groups
  absl::Time earliest_stamp_ = absl::InfinitePast();
  absl::Time stamp_ = absl::InfiniteFuture();  // of the group that is being written
  LogState state_;
  BatchNames names_;
  std::thread thread_;
};

}  // namespace tarn::ingestion

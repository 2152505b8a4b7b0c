// The write-ahead log of one instance: records are in it, flushed, before they are acknowledged,
// and stay until they are delivered. docs/formats/wal.md describes the files.
//
// Group commit: Append only queues; one thread writes all that is queued with one write and one
// flush, and then answers. While it flushes, the next group gathers.
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
// lock held, and must not block for long. Errors: RESOURCE_EXHAUSTED DISK_FULL, WAL_FULL (too much
// is undelivered) and WAL_OVERLOADED (too much waits for the flush), in all of which nothing was
// stored; FAILED_PRECONDITION WAL_IN_USE, REQUEST_ID_REUSED and SEQUENCE_REUSED (other records came
// under the same name before); OUT_OF_RANGE SEQUENCE_GAP; RESOURCE_EXHAUSTED TOO_MANY_PRODUCERS;
// INVALID_ARGUMENT INVALID_FIELD and BATCH_TOO_LARGE; UNAVAILABLE WAL_CLOSED.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "common/clock/clock.h"
#include "services/ingestion/ingestion_metrics.h"
#include "services/ingestion/wal/append_file.h"
#include "services/ingestion/wal/producer_index.h"
#include "services/ingestion/wal/request_index.h"
#include "services/ingestion/wal/wal_format.h"

namespace tarn::ingestion {

struct WriteAheadLogOptions {
  std::filesystem::path folder;
  int64_t segment_bytes = 64LL << 20;
  // Undelivered bytes on disk, above which records are refused.
  int64_t max_bytes = 16LL << 30;
  // Bytes of undelivered records that are kept in memory too; the rest is read back.
  int64_t cache_bytes = 128LL << 20;
  // Bytes that may wait for the flush.
  int64_t max_queued_bytes = 64LL << 20;
  // How long after its last batch a producer is remembered, and how many are at once.
  absl::Duration producer_retention = absl::Hours(24);
  int64_t max_producers = 100'000;
  OpenAppendFile open_file = OpenPosixAppendFile;
};

// What opening found. `damaged_bytes` were copied to the folder quarantine/.
struct WalOpenReport {
  int segments = 0;
  uint64_t batches = 0;
  uint64_t records = 0;
  uint64_t torn_bytes = 0;
  uint64_t damaged_bytes = 0;
  std::vector<std::string> quarantined;  // paths
};

// One buffer with the records of a batch in it, in order and without overlap; what lies between
// them (line ends) is stored, but never read.
struct RecordBuffer {
  std::string payload;
  std::vector<RecordSpan> spans;
};

struct AppendOutcome {
  uint64_t first_position = 0;
  absl::Time time;
  // The request id or the sequence had been seen: nothing was stored now.
  bool replayed = false;
  // False only of a replayed batch that is older than the last ones of its producer: that it was
  // stored is known, but not where.
  bool positions_known = true;
};
using AppendDone = std::function<void(absl::StatusOr<AppendOutcome>)>;

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

// What of a stream is not yet delivered.
struct StreamBacklog {
  uint64_t end_position = 0;
  uint64_t delivered_position = 0;
  uint64_t bytes = 0;
  absl::Time oldest = absl::InfiniteFuture();
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

  // Everything of the stream before `position` is delivered, durably so: it is never read again,
  // and new records get positions from there at least. Not for a stream that is just appended to
  // for the first time.
  void SetDelivered(const std::string& workspace, const std::string& stream_uid, uint64_t position);
  // Takes no more records of a stream that is to be deleted (NOT_FOUND STREAM_NOT_FOUND). False,
  // and nothing is changed, when records of it are undelivered or being written.
  bool CloseStream(const std::string& stream_uid);
  void ReopenStream(const std::string& stream_uid);
  // Removes the segments in which nothing is undelivered, keeping their request ids.
  absl::Status RemoveDeliveredSegments();

  StreamBacklog Backlog(const std::string& stream_uid) const;
  // Workspace and uid of the streams with undelivered records.
  std::vector<std::pair<std::string, std::string>> UndeliveredStreams() const;
  // The undelivered records from `from` on, at least one and up to about `max_bytes`.
  absl::StatusOr<WalRecords> Read(const std::string& stream_uid, uint64_t from,
                                  uint64_t max_bytes) const;
  // Bytes of the segments on disk.
  uint64_t disk_bytes() const;

 private:
  // A batch on its way to the disk.
  struct Batch {
    BatchKey key;
    FrameHeader header;  // position and time are set by the log's thread
    std::string head;
    std::shared_ptr<const RecordBuffer> records;
    std::vector<AppendDone> done;
    uint64_t offset = 0;
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
  };
  struct StreamState {
    std::string workspace;
    uint64_t next_position = 0;
    uint64_t delivered = 0;
    uint64_t bytes = 0;
    int in_flight = 0;  // batches that are queued or being written
    bool closed = false;
    std::deque<FrameRef> frames;
  };
  struct Segment {
    uint64_t bytes = 0;
    uint64_t undelivered_frames = 0;
    bool has_requests = false;
    // The positions of all streams stand in it, durably so.
    bool has_positions = false;
  };

  WriteAheadLog(WriteAheadLogOptions options, Clock& clock, IngestionMetrics& metrics);

  absl::Status Recover();
  absl::Status LockFolder();
  absl::Status LoadUuid();
  absl::Status LoadRequests();
  absl::Status LoadSegment(uint64_t number, bool last);
  void LoadPositions(std::string_view body);
  void LoadProducers(std::string_view body);
  absl::Status Quarantine(uint64_t number, uint64_t offset, uint64_t bytes);
  std::filesystem::path SegmentPath(uint64_t number) const;

  void Run();
  // Both on the log's thread, without the lock.
  absl::Status WriteGroup(std::vector<std::unique_ptr<Batch>>& group, absl::Time time);
  absl::Status BeginSegment(std::vector<std::string>& frames);
  void AbandonTail();
  void AcceptGroup(std::vector<std::unique_ptr<Batch>>& group, absl::Time time);
  void FailGroup(std::vector<std::unique_ptr<Batch>>& group, const absl::Status& error);

  // Under the lock.
  // The answer that can be given now; else the batch is queued (or waits for its twin), and both
  // arguments are taken.
  std::optional<absl::StatusOr<AppendOutcome>> AnswerOrQueue(std::unique_ptr<Batch>& batch,
                                                             AppendDone& done);
  // The answer to a request id or a sequence that is known, or that cannot be taken; nothing when
  // the batch is to be stored. `taken` is set when `done` waits for a twin of the batch.
  std::optional<absl::StatusOr<AppendOutcome>> AnswerRequest(const Batch& batch, AppendDone& done,
                                                             bool& taken);
  std::optional<absl::StatusOr<AppendOutcome>> AnswerSequence(const Batch& batch, AppendDone& done,
                                                              bool& taken);
  bool HasRoomForProducer();
  // The batch is no longer on its way.
  void Forget(const Batch& batch);
  // `payload_crc` is 0 of a batch from before there were producers.
  void AddFrame(const BatchKey& key, uint32_t payload_crc, FrameRef frame);
  void ReleaseFrame(StreamState& state, const FrameRef& frame);
  uint64_t DiskBytes() const;

  const WriteAheadLogOptions options_;
  Clock& clock_;
  IngestionMetrics& metrics_;
  int lock_fd_ = -1;
  std::string uuid_;
  WalOpenReport report_;
  std::function<void(const std::string&)> on_durable_;

  // The log's thread only.
  std::unique_ptr<AppendFile> active_file_;
  uint64_t active_ = 0;        // the number of the segment that is written to
  uint64_t active_bytes_ = 0;  // its flushed size

  mutable std::mutex mutex_;
  std::condition_variable queue_changed_;
  bool stop_ = false;
  std::deque<std::unique_ptr<Batch>> queue_;
  int64_t queued_bytes_ = 0;
  int64_t cached_bytes_ = 0;
  std::map<uint64_t, Segment> segments_;  // by number; the last is the active one
  std::map<std::string, StreamState> streams_;
  RequestIndex requests_;
  ProducerIndex producers_;
  absl::Time next_producer_purge_ = absl::InfinitePast();
  // The batches of each producer that are on their way, by sequence, without a gap.
  std::unordered_map<std::string, std::deque<Batch*>> pending_sequences_;
  // Requests that are being written, by "workspace\0stream\0id".
  std::map<std::string, Batch*> pending_requests_;
  std::thread thread_;
};

}  // namespace tarn::ingestion

#include "services/ingestion/wal/write_ahead_log.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <future>
#include <set>
#include <unistd.h>

#include <absl/strings/str_cat.h>
#include <absl/time/clock.h>
#include <sys/file.h>

#include "common/failpoint/failpoint.h"
#include "common/lake/durable_file.h"
#include "common/logging/logging.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "common/wal/crc32c.h"
#include "common/wal/segment_reader.h"
#include "common/wal/wal_folder.h"

namespace tarn::ingestion {
namespace {

namespace fs = std::filesystem;

// A group is at most this large, so that one flush does not take for ever.
constexpr int64_t kMaxGroupBytes = 32 << 20;
// So that a frame with its names stays below wal::kMaxFrameBodyBytes.
constexpr size_t kMaxBatchBytes = 31u << 20;
// Names are on the disk with every batch and in memory for a day.
constexpr size_t kMaxNameBytes = 256;

// Reading tells of so many at once, so that its answer is bounded.
constexpr uint64_t kMaxLostRecords = 100'000;

constexpr absl::Duration kFullRetryDelay = absl::Seconds(5);
constexpr absl::Duration kMinRetryDelay = absl::Milliseconds(100);
constexpr absl::Duration kMaxRetryDelay = absl::Seconds(10);

ErrorMetadata RetryAfter(absl::Duration delay) {
  return {{"retry_delay_ms", absl::StrCat(absl::ToInt64Milliseconds(delay))}};
}

absl::Status BatchTooLarge(size_t bytes) {
  return InvalidArgument("BATCH_TOO_LARGE",
                         absl::StrCat("a batch of ", bytes, " bytes is more than the ",
                                      kMaxBatchBytes, " that are stored at once; send several"));
}

absl::Status LogFull(int64_t max_bytes) {
  return ResourceExhausted(
      "WAL_FULL",
      absl::StrCat("more than ", max_bytes,
                   " bytes of records wait for delivery; nothing of this request was stored. "
                   "GetStream says why delivery is not getting on"),
      RetryAfter(kFullRetryDelay));
}

absl::Status CheckShape(const BatchKey& key, const RecordBuffer& records) {
  if (records.payload.size() > kMaxBatchBytes ||
      records.spans.size() > kMaxBatchBytes / sizeof(RecordSpan)) {
    return BatchTooLarge(records.payload.size());
  }
  uint64_t end = 0;
  for (const RecordSpan& span : records.spans) {
    if (span.offset < end || uint64_t{span.offset} + span.bytes > records.payload.size()) {
      return Internal("WAL_BAD_RECORDS", "the records of a batch overlap or leave their buffer");
    }
    end = uint64_t{span.offset} + span.bytes;
  }
  if (key.request_id.size() > kMaxNameBytes) {
    return InvalidFields({{"request_id", "at most 256 bytes"}});
  }
  if (key.producer_id.size() > kMaxNameBytes || key.producer_id.find('\0') != std::string::npos) {
    return InvalidFields({{"producer_id", "at most 256 bytes, none of them 0"}});
  }
  if (key.producer_id.empty() != (key.sequence == 0)) {
    return InvalidFields({{"sequence", "from 1 with a producer_id, and only with one"}});
  }
  return absl::OkStatus();
}

}  // namespace

// ---- Opening and closing ------------------------------------------------------------------------

absl::StatusOr<std::unique_ptr<WriteAheadLog>> WriteAheadLog::Open(WriteAheadLogOptions options,
                                                                   Clock& clock,
                                                                   IngestionMetrics& metrics) {
  std::unique_ptr<WriteAheadLog> log(new WriteAheadLog(std::move(options), clock, metrics));
  TARN_RETURN_IF_ERROR(log->Recover());
  log->thread_ = std::thread([wal = log.get()] { wal->Run(); });
  return log;
}

WriteAheadLog::WriteAheadLog(WriteAheadLogOptions options, Clock& clock, IngestionMetrics& metrics)
    : options_(std::move(options)),
      clock_(clock),
      metrics_(metrics),
      remover_(options_.folder, options_.reserve_bytes),
      state_(options_.producer_retention),
      names_(state_, options_.max_producers) {}

WriteAheadLog::~WriteAheadLog() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  queue_changed_.notify_all();
  if (thread_.joinable()) thread_.join();
  if (lock_fd_ >= 0) ::close(lock_fd_);
}

absl::Status WriteAheadLog::Recover() {
  TARN_RETURN_IF_ERROR(lake::CreateDirectoriesDurably(options_.folder));
  TARN_RETURN_IF_ERROR(lake::CheckWritableDirectory(options_.folder));
  TARN_RETURN_IF_ERROR(LockFolder());
  TARN_ASSIGN_OR_RETURN(RecoveredLog log, RecoverLog(options_.folder, clock_.Now(), state_));
  uuid_ = std::move(log.uuid);
  report_ = std::move(log.report);
  remover_.EnsureReserve();
  const int64_t segment_bytes = std::min(options_.segment_bytes, options_.max_bytes / 4);
  writer_ = std::make_unique<SegmentWriter>(options_.folder, uuid_, log.last_segment,
                                            static_cast<uint64_t>(segment_bytes),
                                            options_.open_file, [this] {
                                              std::lock_guard lock(mutex_);
                                              return state_.Snapshot(clock_.Now());
                                            });
  metrics_.wal_bytes.Set(static_cast<double>(state_.disk_bytes()));
  metrics_.wal_damaged_bytes.Increment(static_cast<double>(report_.damaged_bytes));
  return absl::OkStatus();
}

absl::Status WriteAheadLog::LockFolder() {
  const fs::path path = options_.folder / wal::kLockFile;
  lock_fd_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock_fd_ < 0) return lake::FileError(errno, "open", path);
  if (::flock(lock_fd_, LOCK_EX | LOCK_NB) != 0) {
    return FailedPrecondition(
        "WAL_IN_USE",
        absl::StrCat("another process uses the write-ahead log in ", options_.folder.string(),
                     "; stop it, or give this one a state path of its own"));
  }
  return absl::OkStatus();
}

void WriteAheadLog::OnDurable(std::function<void(const std::string&)> callback) {
  on_durable_ = std::move(callback);
}

// ---- Appending ----------------------------------------------------------------------------------

void WriteAheadLog::Append(BatchKey key, const std::vector<std::string_view>& records,
                           AppendDone done) {
  RecordBuffer buffer;
  size_t bytes = 0;
  for (std::string_view record : records) bytes += record.size();
  if (bytes > kMaxBatchBytes) return done(BatchTooLarge(bytes));
  buffer.payload.reserve(bytes);
  buffer.spans.reserve(records.size());
  for (std::string_view record : records) {
    buffer.spans.push_back(
        {static_cast<uint32_t>(buffer.payload.size()), static_cast<uint32_t>(record.size())});
    buffer.payload.append(record);
  }
  Append(std::move(key), std::move(buffer), std::move(done));
}

void WriteAheadLog::Append(BatchKey key, RecordBuffer records, AppendDone done) {
  if (absl::Status shape = CheckShape(key, records); !shape.ok()) return done(std::move(shape));
  auto batch = std::make_unique<QueuedBatch>();
  batch->head = wal::EncodeRecordsHead(key, records.spans, records.payload.size(), &batch->header);
  batch->header.payload_crc = wal::Crc32c(records.payload);
  batch->records = std::make_shared<const RecordBuffer>(std::move(records));
  batch->key = std::move(key);
  std::optional<absl::StatusOr<AppendOutcome>> answer;
  {
    std::lock_guard lock(mutex_);
    answer = AnswerOrQueue(batch, done);
  }
  if (answer) done(*std::move(answer));
}

std::optional<absl::StatusOr<AppendOutcome>> WriteAheadLog::AnswerOrQueue(
    std::unique_ptr<QueuedBatch>& batch, AppendDone& done) {
  BatchNames::Decision decision = names_.Decide(*batch, clock_.Now());
  if (decision.answer) return std::move(decision.answer);
  if (decision.twin != nullptr) {
    decision.twin->done.push_back(std::move(done));
    return std::nullopt;
  }
  if (stop_) {
    return Unavailable("WAL_CLOSED", "the write-ahead log is being closed; try again soon");
  }
  if (state_.IsClosed(batch->key.stream_uid)) {
    return NotFound("STREAM_NOT_FOUND", "the stream was deleted; nothing was stored");
  }
  const int64_t bytes = batch->header.body_bytes;
  if (queued_bytes_ > 0 && queued_bytes_ + bytes > options_.max_queued_bytes) {
    if (!HasRoom()) return LogFull(options_.max_bytes);
    const absl::Duration delay =
        bytes_per_second_ > 0
            ? absl::Seconds(static_cast<double>(queued_bytes_) / bytes_per_second_)
            : kMinRetryDelay;
    return ResourceExhausted("WAL_OVERLOADED",
                             "more records arrive than the disk takes; nothing of this request was "
                             "stored. Try again after a pause",
                             RetryAfter(std::clamp(delay, kMinRetryDelay, kMaxRetryDelay)));
  }
  names_.Begin(*batch);
  state_.BatchBegins(batch->key);
  batch->deadline = absl::Now() + options_.max_full_wait;
  batch->done.push_back(std::move(done));
  queued_bytes_ += bytes;
  queue_.push_back(std::move(batch));
  queue_changed_.notify_one();
  return std::nullopt;
}

absl::StatusOr<AppendOutcome> WriteAheadLog::AppendAndWait(
    BatchKey key, const std::vector<std::string_view>& records) {
  auto promise = std::make_shared<std::promise<absl::StatusOr<AppendOutcome>>>();
  auto future = promise->get_future();
  Append(std::move(key), records, [promise](absl::StatusOr<AppendOutcome> outcome) {
    promise->set_value(std::move(outcome));
  });
  return future.get();
}

std::optional<StoredRequest> WriteAheadLog::FindRequest(const BatchKey& key) const {
  std::lock_guard lock(mutex_);
  return state_.requests().Find(key);
}

std::optional<StoredBatch> WriteAheadLog::LastSequence(const BatchKey& key) const {
  std::lock_guard lock(mutex_);
  const auto* stored = state_.producers().Find(key, clock_.Now());
  if (stored == nullptr) return std::nullopt;
  return stored->back();
}

bool WriteAheadLog::HasRoom() const {
  // What is delivered goes with its segment, and the newest one only when another has begun.
  return static_cast<int64_t>(state_.disk_bytes()) <= options_.max_bytes || state_.all_delivered();
}

void WriteAheadLog::End(const QueuedBatch& batch) {
  queued_bytes_ -= batch.header.body_bytes;
  state_.BatchEnds(batch.key);
  names_.End(batch);
}

// ---- The log's thread ---------------------------------------------------------------------------

void WriteAheadLog::Run() {
  while (true) {
    bool full = false;
    Group group = TakeGroup(full);
    if (group.empty()) return;
    if (full) {
      FailGroup(std::move(group), LogFull(options_.max_bytes));
      continue;
    }
    absl::Time time;
    {
      std::lock_guard lock(mutex_);
      time = stamp_ = std::max(clock_.Now(), earliest_stamp_);
    }
    WriteAndAnswer(std::move(group), time);
    std::lock_guard lock(mutex_);
    stamp_ = absl::InfiniteFuture();
  }
}

WriteAheadLog::Group WriteAheadLog::TakeGroup(bool& full) {
  Group group;
  std::unique_lock lock(mutex_);
  while (!stop_) {
    if (queue_.empty()) {
      queue_changed_.wait(lock);
      continue;
    }
    if (HasRoom()) break;
    const absl::Duration left = queue_.front()->deadline - absl::Now();
    if (left <= absl::ZeroDuration()) {
      full = true;
      break;
    }
    queue_changed_.wait_for(lock, absl::ToChronoNanoseconds(left));
  }
  const absl::Time now = absl::Now();
  int64_t bytes = 0;
  while (!queue_.empty() && bytes < kMaxGroupBytes) {
    if (full && queue_.front()->deadline > now) break;
    bytes += queue_.front()->header.body_bytes;
    group.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  if (!full) NumberRecords(group);
  return group;
}

// Positions are given here, where the order of writing is settled.
void WriteAheadLog::NumberRecords(Group& group) const {
  std::map<std::string_view, uint64_t> next;
  for (const auto& batch : group) {
    const std::string& stream = batch->key.stream_uid;
    auto [position, is_new] = next.try_emplace(stream, 0);
    if (is_new) position->second = state_.NextPosition(stream);
    batch->header.first_position = position->second;
    position->second += batch->header.record_count;
  }
}

void WriteAheadLog::WriteAndAnswer(Group group, absl::Time time) {
  const absl::Time start = absl::Now();
  std::vector<OutgoingBatch*> outgoing;
  outgoing.reserve(group.size());
  int64_t bytes = 0;
  for (const auto& batch : group) {
    outgoing.push_back(batch.get());
    bytes += batch->header.body_bytes;
  }
  const absl::Status written = writer_->WriteGroup(outgoing, time);
  if (!written.ok()) {
    metrics_.wal_failures.Increment();
    if (!failing_) {
      logging::Error("ingestion", "records could not be written to the write-ahead log", written);
    }
    failing_ = true;
    return FailGroup(std::move(group), Annotate(written, "storing records"));
  }
  TARN_FAILPOINT("ingestion.wal.after_flush");
  if (failing_) logging::Info("ingestion", "the write-ahead log can be written again");
  failing_ = false;
  const double seconds = absl::ToDoubleSeconds(absl::Now() - start);
  metrics_.wal_groups.Increment();
  metrics_.wal_flush_seconds.Observe(seconds);

  std::set<std::string> changed;
  std::vector<std::pair<AppendDone, AppendOutcome>> answers;
  bool idle = false;
  {
    std::lock_guard lock(mutex_);
    if (seconds > 0)
      bytes_per_second_ = 0.5 * (bytes_per_second_ + static_cast<double>(bytes) / seconds);
    Group again;
    for (auto& batch : group) {
      const wal::FrameHeader& header = batch->header;
      if (header.first_position < state_.ReservedPosition(batch->key.stream_uid)) {
        // Meanwhile it turned out that these positions had been given out: this log is older than
        // what was made of it. They are stored once more, behind them.
        again.push_back(std::move(batch));
        continue;
      }
      End(*batch);
      metrics_.records_in.Increment(header.record_count);
      metrics_.bytes_in.Increment(static_cast<double>(batch->records->payload.size()));
      for (size_t i = 0; i < batch->done.size(); ++i) {
        answers.emplace_back(std::move(batch->done[i]),
                             AppendOutcome{header.first_position, time, i > 0});
      }
      const bool keep = header.record_count > 0 && state_.cached_bytes() < options_.cache_bytes;
      state_.AddBatch(batch->key, header.payload_crc,
                      {.first_position = header.first_position,
                       .record_count = header.record_count,
                       .body_bytes = header.body_bytes,
                       .segment = writer_->segment(),
                       .offset = batch->offset,
                       .time = time,
                       .records = keep ? std::move(batch->records) : nullptr});
      changed.insert(batch->key.stream_uid);
    }
    queue_.insert(queue_.begin(), std::make_move_iterator(again.begin()),
                  std::make_move_iterator(again.end()));
    state_.SetSegmentBytes(writer_->segment(), writer_->segment_bytes());
    state_.SetHasPositions(writer_->segment());  // it begins with them
    metrics_.wal_bytes.Set(static_cast<double>(state_.disk_bytes()));
    idle = queue_.empty();
  }
  if (idle) {
    if (absl::Status mark = writer_->WriteMark(time); !mark.ok()) {
      logging::Warn("ingestion", "the mark behind a group of the log could not be written", mark);
    }
  }
  for (auto& [done, outcome] : answers) done(outcome);
  if (on_durable_) {
    for (const std::string& uid : changed) on_durable_(uid);
  }
}

// What is queued behind a batch that failed would leave a gap in its producer's sequences: it fails
// with it, under the same lock, so that nothing comes in between.
void WriteAheadLog::FailGroup(Group group, const absl::Status& error) {
  {
    std::lock_guard lock(mutex_);
    std::set<std::string> producers;
    for (const auto& batch : group) {
      if (!batch->key.producer_id.empty()) producers.insert(ProducerIndex::NameOf(batch->key));
    }
    std::deque<std::unique_ptr<QueuedBatch>> kept;
    for (auto& batch : queue_) {
      const bool behind =
          !batch->key.producer_id.empty() && producers.contains(ProducerIndex::NameOf(batch->key));
      if (behind) {
        group.push_back(std::move(batch));
      } else {
        kept.push_back(std::move(batch));
      }
    }
    queue_ = std::move(kept);
    for (const auto& batch : group) End(*batch);
  }
  for (const auto& batch : group) {
    for (const AppendDone& done : batch->done) done(error);
  }
}

// ---- Delivered records --------------------------------------------------------------------------

void WriteAheadLog::ReservePositions(const std::string& workspace, const std::string& stream_uid,
                                     uint64_t position) {
  std::lock_guard lock(mutex_);
  state_.ReservePositions(workspace, stream_uid, position);
}

void WriteAheadLog::SetDelivered(const std::string& workspace, const std::string& stream_uid,
                                 uint64_t position) {
  std::lock_guard lock(mutex_);
  state_.SetDelivered(workspace, stream_uid, position);
  queue_changed_.notify_one();  // it may wait for room
}

bool WriteAheadLog::CloseStreams(const std::vector<std::string>& stream_uids) {
  std::lock_guard lock(mutex_);
  for (auto uid = stream_uids.begin(); uid != stream_uids.end(); ++uid) {
    if (state_.Close(*uid)) continue;
    while (uid != stream_uids.begin()) state_.Reopen(*--uid);
    return false;
  }
  return true;
}

void WriteAheadLog::ReopenStreams(const std::vector<std::string>& stream_uids) {
  std::lock_guard lock(mutex_);
  for (const std::string& uid : stream_uids) state_.Reopen(uid);
}

absl::Status WriteAheadLog::RemoveDeliveredSegments() {
  std::lock_guard removing(removal_mutex_);
  const absl::Time now = clock_.Now();
  std::vector<LogState::Removable> removable;
  LogSnapshot snapshot;
  {
    std::lock_guard lock(mutex_);
    state_.requests().Purge(now);
    removable = state_.RemovableSegments();
    if (!removable.empty()) snapshot = state_.Snapshot(now);
  }
  absl::Status first_error;
  const auto note = [&](const absl::Status& status) {
    if (first_error.ok()) first_error = status;
    return status.ok();
  };
  if (!removable.empty()) note(remover_.WritePositions(uuid_, snapshot, now));
  const auto is_known = [this](const BatchKey& key, uint64_t first_position) {
    const std::optional<StoredRequest> known = FindRequest(key);
    return known && known->first_position == first_position;
  };
  for (const auto& [number, has_requests] : removable) {
    if (!note(remover_.Remove(number, has_requests, now, is_known))) continue;
    std::lock_guard lock(mutex_);
    state_.ForgetSegment(number);
    metrics_.wal_bytes.Set(static_cast<double>(state_.disk_bytes()));
    queue_changed_.notify_one();  // it may wait for room
  }
  note(remover_.RemoveOldRequests(now));
  remover_.EnsureReserve();
  return first_error;
}

// ---- Reading ------------------------------------------------------------------------------------

StreamBacklog WriteAheadLog::Backlog(const std::string& stream_uid, uint64_t from) const {
  std::lock_guard lock(mutex_);
  return state_.Backlog(stream_uid, from);
}

uint64_t WriteAheadLog::PositionAt(const std::string& stream_uid, absl::Time time) const {
  std::lock_guard lock(mutex_);
  return state_.PositionAt(stream_uid, time);
}

uint64_t WriteAheadLog::EndBefore(const std::string& stream_uid, absl::Time time) const {
  std::lock_guard lock(mutex_);
  return state_.EndBefore(stream_uid, time);
}

bool WriteAheadLog::StampFrom(absl::Time time) {
  std::lock_guard lock(mutex_);
  earliest_stamp_ = std::max(earliest_stamp_, time);
  return stamp_ >= time;
}

std::vector<std::pair<std::string, std::string>> WriteAheadLog::UndeliveredStreams() const {
  std::lock_guard lock(mutex_);
  return state_.UndeliveredStreams();
}

absl::StatusOr<WalRecords> WriteAheadLog::Read(const std::string& stream_uid, uint64_t from,
                                               uint64_t max_bytes) const {
  std::vector<FrameRef> frames;
  {
    std::lock_guard lock(mutex_);
    frames = state_.Frames(stream_uid, from, max_bytes);
  }
  WalRecords result;
  uint64_t next = from;
  // False: there are more than are told of at once.
  const auto add_lost = [&](uint64_t until, absl::Time time) {
    const uint64_t end = std::min(until, from + kMaxLostRecords);
    for (; next < end; ++next) result.records.push_back({next, time, {}, true});
    return next >= until;
  };
  for (const FrameRef& frame : frames) {
    // What is missing before it stood in a part that was damaged at open.
    if (!add_lost(frame.first_position, frame.time)) break;
    const uint64_t frame_end = frame.first_position + frame.record_count;
    if (frame.lost) {
      if (!add_lost(frame_end, frame.time)) break;
      continue;
    }
    const auto add = [&](uint32_t index, std::string_view payload) {
      const uint64_t position = frame.first_position + index;
      if (position < next) return;
      result.records.push_back({position, frame.time, payload, false});
      next = position + 1;
    };
    if (frame.records != nullptr) {
      const std::shared_ptr<const std::string> payload(frame.records, &frame.records->payload);
      for (uint32_t i = 0; i < frame.record_count; ++i) {
        const RecordSpan& span = frame.records->spans[i];
        add(i, std::string_view(*payload).substr(span.offset, span.bytes));
      }
      result.bodies.push_back(payload);
      continue;
    }
    auto read = wal::ReadFrame(
        wal::NumberedPath(options_.folder, frame.segment, wal::kSegmentSuffix), frame.offset);
    if (!read.ok() && read.status().code() != absl::StatusCode::kDataLoss) return read.status();
    std::optional<wal::BatchBody> batch;
    if (read.ok()) batch = wal::DecodeBatchBody(read->header, *read->body);
    if (!batch || batch->records.size() != frame.record_count) {
      if (!add_lost(frame_end, frame.time)) break;
      continue;
    }
    for (uint32_t i = 0; i < frame.record_count; ++i) add(i, batch->records[i]);
    result.bodies.push_back(read->body);
  }
  return result;
}

uint64_t WriteAheadLog::disk_bytes() const {
  std::lock_guard lock(mutex_);
  return state_.disk_bytes();
}

}  // namespace tarn::ingestion

#include "services/ingestion/wal/write_ahead_log.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <fstream>
#include <future>
#include <set>
#include <system_error>
#include <unistd.h>

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <sys/file.h>

#include "common/failpoint/failpoint.h"
#include "common/ids/ids.h"
#include "common/lake/durable_file.h"
#include "common/logging/logging.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/ingestion/wal/crc32c.h"
#include "services/ingestion/wal/segment_reader.h"

namespace tarn::ingestion {
namespace {

namespace fs = std::filesystem;

// A group is at most this large, so that one flush does not take for ever.
constexpr size_t kMaxGroupBytes = 32u << 20;

// So that a frame with its names stays below kMaxFrameBodyBytes.
constexpr size_t kMaxBatchBytes = 31u << 20;
// Names are on the disk with every batch and in memory for a day.
constexpr size_t kMaxNameBytes = 256;
// Some 100 bytes each: frames of at most a few MiB.
constexpr size_t kProducersInFrame = 10'000;
constexpr absl::Duration kProducerPurgePause = absl::Seconds(10);

std::string PendingKey(const BatchKey& key) {
  std::string text = key.workspace;
  return text.append(1, '\0').append(key.stream_uid).append(1, '\0').append(key.request_id);
}

absl::Status ReusedRequestId(const BatchKey& key) {
  return FailedPrecondition(
      "REQUEST_ID_REUSED",
      absl::StrCat("request_id ", key.request_id,
                   " was used within 24 hours for other records; take a new one"),
      {{"request_id", key.request_id}});
}

absl::Status ReusedSequence(const BatchKey& key, uint64_t last) {
  return FailedPrecondition(
      "SEQUENCE_REUSED",
      absl::StrCat(
          "sequence ", key.sequence, " of producer ", key.producer_id,
          " was used for other records, and nothing of this batch was stored; go on after ",
          "sequence ", last, ", or take another producer id"),
      {{"producer_id", key.producer_id},
       {"sequence", absl::StrCat(key.sequence)},
       {"last_sequence", absl::StrCat(last)}});
}

absl::Status SequenceGap(const BatchKey& key, uint64_t expected) {
  return MakeError(
      absl::StatusCode::kOutOfRange, "SEQUENCE_GAP",
      absl::StrCat("sequence ", key.sequence, " of producer ", key.producer_id, " came where ",
                   expected, " is expected, and was not stored; send ", expected, " first"),
      {{"producer_id", key.producer_id},
       {"sequence", absl::StrCat(key.sequence)},
       {"expected_sequence", absl::StrCat(expected)}});
}

absl::Status BatchTooLarge(size_t bytes) {
  return InvalidArgument("BATCH_TOO_LARGE",
                         absl::StrCat("a batch of ", bytes, " bytes is more than the ",
                                      kMaxBatchBytes, " that are stored at once; send several"));
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
  if (key.request_id.size() > kMaxNameBytes)
    return InvalidFields({{"request_id", "at most 256 bytes"}});
  if (key.producer_id.size() > kMaxNameBytes || key.producer_id.find('\0') != std::string::npos) {
    return InvalidFields({{"producer_id", "at most 256 bytes, none of them 0"}});
  }
  if (key.producer_id.empty() != (key.sequence == 0)) {
    return InvalidFields({{"sequence", "from 1 with a producer_id, and only with one"}});
  }
  return absl::OkStatus();
}

// The numbers of the files <16 hexadecimal digits><suffix>…, ascending.
std::vector<std::pair<uint64_t, fs::path>> NumberedFiles(const fs::path& folder,
                                                         std::string_view suffix) {
  std::vector<std::pair<uint64_t, fs::path>> files;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    uint64_t number = 0;
    if (name.size() > 16 && entry.path().extension() == fs::path(suffix) &&
        absl::SimpleHexAtoi(name.substr(0, 16), &number)) {
      files.emplace_back(number, entry.path());
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace

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
      producers_(options_.producer_retention) {}

WriteAheadLog::~WriteAheadLog() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  queue_changed_.notify_all();
  if (thread_.joinable()) thread_.join();
  if (lock_fd_ >= 0) ::close(lock_fd_);
}

fs::path WriteAheadLog::SegmentPath(uint64_t number) const {
  return options_.folder / absl::StrFormat("%016x.wal", number);
}

// ---- Opening ------------------------------------------------------------------------------------

absl::Status WriteAheadLog::Recover() {
  TARN_RETURN_IF_ERROR(lake::CreateDirectoriesDurably(options_.folder));
  TARN_RETURN_IF_ERROR(lake::CheckWritableDirectory(options_.folder));
  TARN_RETURN_IF_ERROR(LockFolder());
  TARN_RETURN_IF_ERROR(LoadUuid());
  TARN_RETURN_IF_ERROR(LoadRequests());
  const auto files = NumberedFiles(options_.folder, ".wal");
  for (size_t i = 0; i < files.size(); ++i) {
    TARN_RETURN_IF_ERROR(LoadSegment(files[i].first, i + 1 == files.size()));
  }
  active_ = files.empty() ? 0 : files.back().first;
  report_.segments = static_cast<int>(files.size());
  requests_.Purge(clock_.Now());
  metrics_.wal_bytes.Set(static_cast<double>(DiskBytes()));
  metrics_.wal_damaged_bytes.Increment(static_cast<double>(report_.damaged_bytes));
  if (report_.torn_bytes > 0) {
    logging::Warn("ingestion", "cut the torn tail of the write-ahead log",
                  {{"bytes", report_.torn_bytes}});
  }
  return absl::OkStatus();
}

absl::Status WriteAheadLog::LockFolder() {
  const fs::path path = options_.folder / "LOCK";
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

absl::Status WriteAheadLog::LoadUuid() {
  const fs::path path = options_.folder / "LOG";
  std::ifstream in(path);
  if (in >> uuid_ && IsUuid(uuid_)) return absl::OkStatus();
  if (fs::exists(path) || !NumberedFiles(options_.folder, ".wal").empty()) {
    // Segments carry the uuid as well: LoadSegment sets it when this file is gone.
    uuid_.clear();
    const auto files = NumberedFiles(options_.folder, ".wal");
    for (const auto& [number, segment] : files) {
      absl::StatusOr<SegmentScan> scan =
          ScanSegment(segment, [&](const FrameHeader& header, std::string_view body, uint64_t) {
            if (header.type == FrameType::kSegment && IsUuid(body)) uuid_ = std::string(body);
          });
      TARN_RETURN_IF_ERROR(scan.status());
    }
  }
  if (uuid_.empty()) uuid_ = NewUuid();
  return lake::WriteFileDurably(path, uuid_ + "\n", 0600);
}

absl::Status WriteAheadLog::LoadRequests() {
  for (const auto& [number, path] : NumberedFiles(options_.folder, ".requests")) {
    absl::StatusOr<SegmentScan> scan =
        ScanSegment(path, [&](const FrameHeader& header, std::string_view body, uint64_t) {
          if (header.type != FrameType::kRequest) return;
          if (std::optional<BatchBody> request = DecodeBatchBody(header, body)) {
            requests_.Add(request->key, {.request_hash = request->key.request_hash,
                                         .first_position = header.first_position,
                                         .record_count = header.record_count,
                                         .time = header.time});
          }
        });
    TARN_RETURN_IF_ERROR(scan.status());
  }
  return absl::OkStatus();
}

absl::Status WriteAheadLog::LoadSegment(uint64_t number, bool last) {
  const fs::path path = SegmentPath(number);
  segments_[number] = Segment{};
  absl::StatusOr<SegmentScan> scan =
      ScanSegment(path, [&](const FrameHeader& header, std::string_view body, uint64_t offset) {
        if (header.type == FrameType::kPositions) {
          segments_[number].has_positions = true;
          return LoadPositions(body);
        }
        if (header.type == FrameType::kProducers) return LoadProducers(body);
        if (header.type != FrameType::kBatch && header.type != FrameType::kRecords) return;
        const std::optional<BatchBody> batch = DecodeBatchBody(header, body);
        if (!batch) return;
        ++report_.batches;
        report_.records += header.record_count;
        AddFrame(batch->key, header.payload_crc,
                 {.first_position = header.first_position,
                  .record_count = header.record_count,
                  .body_bytes = header.body_bytes,
                  .segment = number,
                  .offset = offset,
                  .time = header.time,
                  .records = nullptr});
      });
  TARN_RETURN_IF_ERROR(scan.status());
  for (const DamagedRange& range : scan->damaged) {
    TARN_RETURN_IF_ERROR(Quarantine(number, range.offset, range.bytes));
  }
  segments_[number].bytes = scan->sound_bytes;
  if (scan->sound_bytes == scan->file_bytes) return last ? lake::FsyncFile(path) : absl::OkStatus();
  const uint64_t tail = scan->file_bytes - scan->sound_bytes;
  if (!last) return Quarantine(number, scan->sound_bytes, tail);
  // A write that never ended: none of it was acknowledged.
  report_.torn_bytes += tail;
  if (::truncate(path.c_str(), static_cast<off_t>(scan->sound_bytes)) != 0) {
    return lake::FileError(errno, "truncate", path);
  }
  return lake::FsyncFile(path);
}

void WriteAheadLog::LoadPositions(std::string_view body) {
  const auto positions = DecodePositionsBody(body);
  if (!positions) return;
  for (const StreamPosition& position : *positions) {
    StreamState& state = streams_[position.stream_uid];
    state.workspace = position.workspace;
    state.next_position = std::max(state.next_position, position.next_position);
  }
}

void WriteAheadLog::LoadProducers(std::string_view body) {
  const auto producers = DecodeProducersBody(body);
  if (!producers) return;
  for (const ProducerPosition& producer : *producers) {
    producers_.Add({.workspace = producer.workspace,
                    .stream_uid = producer.stream_uid,
                    .producer_id = producer.producer_id},
                   producer.last);
  }
}

absl::Status WriteAheadLog::Quarantine(uint64_t number, uint64_t offset, uint64_t bytes) {
  const fs::path folder = options_.folder / "quarantine";
  TARN_RETURN_IF_ERROR(lake::CreateDirectoriesDurably(folder));
  std::ifstream in(SegmentPath(number), std::ios::binary);
  in.seekg(static_cast<std::streamoff>(offset));
  std::string content(bytes, '\0');
  in.read(content.data(), static_cast<std::streamsize>(bytes));
  content.resize(static_cast<size_t>(std::max<std::streamsize>(in.gcount(), 0)));
  const fs::path path = folder / absl::StrFormat("%016x-%d-%d.bin", number, offset, bytes);
  report_.damaged_bytes += bytes;
  report_.quarantined.push_back(path.string());
  logging::Error(
      "ingestion",
      "a part of the write-ahead log is damaged; it was copied aside, and the records in "
      "it are listed among the dead letters as WAL_DAMAGED",
      {{"segment", SegmentPath(number).string()},
       {"offset", offset},
       {"bytes", bytes},
       {"copy", path.string()}});
  if (fs::exists(path)) return absl::OkStatus();
  return lake::WriteFileDurably(path, content, 0600);
}

// ---- Appending ----------------------------------------------------------------------------------

void WriteAheadLog::OnDurable(std::function<void(const std::string&)> callback) {
  on_durable_ = std::move(callback);
}

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
  auto batch = std::make_unique<Batch>();
  batch->head = EncodeRecordsHead(key, records.spans, records.payload.size(), &batch->header);
  batch->header.payload_crc = Crc32c(records.payload);
  batch->records = std::make_shared<const RecordBuffer>(std::move(records));
  batch->key = std::move(key);
  std::optional<absl::StatusOr<AppendOutcome>> answer;
  {
    std::lock_guard lock(mutex_);
    answer = AnswerOrQueue(batch, done);
  }
  if (answer) done(*std::move(answer));
}

std::optional<absl::StatusOr<AppendOutcome>> WriteAheadLog::AnswerRequest(const Batch& batch,
                                                                          AppendDone& done,
                                                                          bool& taken) {
  const BatchKey& key = batch.key;
  const auto stored = requests_.Find(key);
  if (stored && stored->time + kRequestRetention >= clock_.Now()) {
    if (stored->request_hash != key.request_hash) return ReusedRequestId(key);
    return AppendOutcome{stored->first_position, stored->time, true};
  }
  const auto pending = pending_requests_.find(PendingKey(key));
  if (pending == pending_requests_.end()) return std::nullopt;
  if (pending->second->key.request_hash != key.request_hash) return ReusedRequestId(key);
  pending->second->done.push_back(std::move(done));
  taken = true;
  return std::nullopt;
}

std::optional<absl::StatusOr<AppendOutcome>> WriteAheadLog::AnswerSequence(const Batch& batch,
                                                                           AppendDone& done,
                                                                           bool& taken) {
  const BatchKey& key = batch.key;
  const auto* stored = producers_.Find(key, clock_.Now());
  const uint64_t last = stored == nullptr ? 0 : stored->back().sequence;
  if (key.sequence <= last) {
    const auto found = std::find_if(stored->begin(), stored->end(), [&](const StoredBatch& each) {
      return each.sequence == key.sequence;
    });
    if (found == stored->end()) return AppendOutcome{0, absl::Time(), true, false};
    if (found->record_count != batch.header.record_count ||
        found->payload_crc != batch.header.payload_crc) {
      return ReusedSequence(key, last);
    }
    return AppendOutcome{found->first_position, found->time, true};
  }
  const auto pending = pending_sequences_.find(ProducerIndex::NameOf(key));
  uint64_t expected = last + 1;
  if (pending != pending_sequences_.end()) {
    const uint64_t first = pending->second.front()->key.sequence;
    expected = first + pending->second.size();
    if (key.sequence >= first && key.sequence < expected) {
      Batch& twin = *pending->second[key.sequence - first];
      if (twin.header.record_count != batch.header.record_count ||
          twin.header.payload_crc != batch.header.payload_crc) {
        return ReusedSequence(key, last);
      }
      twin.done.push_back(std::move(done));
      taken = true;
      return std::nullopt;
    }
  }
  if (key.sequence != expected) return SequenceGap(key, expected);
  if (expected == 1 && !HasRoomForProducer()) {
    return ResourceExhausted(
        "TOO_MANY_PRODUCERS",
        absl::StrCat(options_.max_producers,
                     " producers have sent batches lately; nothing of this one was stored. Let "
                     "senders keep their producer ids, or send without one"),
        {{"limit", absl::StrCat(options_.max_producers)}});
  }
  return std::nullopt;
}

bool WriteAheadLog::HasRoomForProducer() {
  const auto has_room = [&] {
    return static_cast<int64_t>(producers_.size() + pending_sequences_.size()) <
           options_.max_producers;
  };
  if (has_room()) return true;
  // Looking through all of them for every one that is refused would be dear.
  const absl::Time now = clock_.Now();
  if (now >= next_producer_purge_) {
    next_producer_purge_ = now + kProducerPurgePause;
    producers_.Purge(now);
  }
  return has_room();
}

std::optional<absl::StatusOr<AppendOutcome>> WriteAheadLog::AnswerOrQueue(
    std::unique_ptr<Batch>& batch, AppendDone& done) {
  const BatchKey& key = batch->key;
  bool taken = false;
  if (!key.request_id.empty()) {
    if (auto answer = AnswerRequest(*batch, done, taken); answer || taken) return answer;
  }
  if (!key.producer_id.empty()) {
    if (auto answer = AnswerSequence(*batch, done, taken); answer || taken) return answer;
  }
  if (stop_) {
    return Unavailable("WAL_CLOSED", "the write-ahead log is being closed; try again soon");
  }
  StreamState& stream = streams_[key.stream_uid];
  if (stream.closed) {
    return NotFound("STREAM_NOT_FOUND", "the stream was deleted; nothing was stored");
  }
  if (static_cast<int64_t>(DiskBytes()) > options_.max_bytes) {
    return ResourceExhausted(
        "WAL_FULL", absl::StrCat("more than ", options_.max_bytes,
                                 " bytes of records wait for delivery; nothing of this request was "
                                 "stored. GetStream says why delivery is not getting on"));
  }
  if (queued_bytes_ > options_.max_queued_bytes) {
    return ResourceExhausted("WAL_OVERLOADED",
                             "more records arrive than the disk takes; nothing of this request was "
                             "stored. Try again after a pause");
  }
  if (!key.request_id.empty()) pending_requests_[PendingKey(key)] = batch.get();
  if (!key.producer_id.empty()) {
    pending_sequences_[ProducerIndex::NameOf(key)].push_back(batch.get());
  }
  stream.workspace = key.workspace;
  ++stream.in_flight;
  batch->done.push_back(std::move(done));
  queued_bytes_ += batch->header.body_bytes;
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
  return requests_.Find(key);
}

std::optional<StoredBatch> WriteAheadLog::LastSequence(const BatchKey& key) const {
  std::lock_guard lock(mutex_);
  const auto* stored = producers_.Find(key, clock_.Now());
  if (stored == nullptr) return std::nullopt;
  return stored->back();
}

void WriteAheadLog::Forget(const Batch& batch) {
  queued_bytes_ -= batch.header.body_bytes;
  --streams_[batch.key.stream_uid].in_flight;
  if (!batch.key.request_id.empty()) pending_requests_.erase(PendingKey(batch.key));
  if (batch.key.producer_id.empty()) return;
  const auto pending = pending_sequences_.find(ProducerIndex::NameOf(batch.key));
  pending->second.pop_front();  // written in their order, and failed in their order
  if (pending->second.empty()) pending_sequences_.erase(pending);
}

// What is queued behind a batch that failed would leave a gap in its producer's sequences: it fails
// with it. (Without the lock another one could be queued in between.)
void WriteAheadLog::FailGroup(std::vector<std::unique_ptr<Batch>>& group,
                              const absl::Status& error) {
  metrics_.wal_failures.Increment();
  logging::Error("ingestion", "records could not be written to the write-ahead log", error);
  {
    std::lock_guard lock(mutex_);
    std::set<std::string> producers;
    for (const auto& batch : group) {
      if (!batch->key.producer_id.empty()) producers.insert(ProducerIndex::NameOf(batch->key));
    }
    std::deque<std::unique_ptr<Batch>> kept;
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
    for (const auto& batch : group) Forget(*batch);
  }
  for (const auto& batch : group) {
    for (const AppendDone& done : batch->done) {
      done(Annotate(error, "the records were not stored"));
    }
  }
}

void WriteAheadLog::Run() {
  while (true) {
    std::vector<std::unique_ptr<Batch>> group;
    {
      std::unique_lock lock(mutex_);
      queue_changed_.wait(lock, [&] { return stop_ || !queue_.empty(); });
      if (queue_.empty()) return;
      size_t bytes = 0;
      while (!queue_.empty() && bytes < kMaxGroupBytes) {
        bytes += queue_.front()->header.body_bytes;
        group.push_back(std::move(queue_.front()));
        queue_.pop_front();
      }
      // Positions are given here, where the order of writing is settled.
      std::map<std::string, uint64_t> next;
      for (const auto& batch : group) {
        auto [position, is_new] = next.try_emplace(batch->key.stream_uid, 0);
        if (is_new) {
          const auto stream = streams_.find(batch->key.stream_uid);
          if (stream != streams_.end()) position->second = stream->second.next_position;
        }
        batch->header.first_position = position->second;
        position->second += batch->header.record_count;
      }
    }
    const absl::Time time = clock_.Now();
    const absl::Status written = WriteGroup(group, time);
    if (written.ok()) {
      TARN_FAILPOINT("ingestion.wal.after_flush");
      AcceptGroup(group, time);
    } else {
      FailGroup(group, written);
    }
  }
}

absl::Status WriteAheadLog::BeginSegment(std::vector<std::string>& frames) {
  std::vector<StreamPosition> positions;
  // A number is never tried twice: a file that could not be opened in good order may be there.
  const uint64_t number = ++active_;
  TARN_ASSIGN_OR_RETURN(active_file_, options_.open_file(SegmentPath(number)));
  active_bytes_ = 0;
  std::lock_guard lock(mutex_);
  segments_[number] = Segment{};
  for (const auto& [uid, state] : streams_) {
    if (state.closed || state.workspace.empty()) continue;
    positions.push_back({state.workspace, uid, state.next_position});
  }
  const absl::Time now = clock_.Now();
  frames.push_back(
      EncodeFrame({.type = FrameType::kSegment, .first_position = number, .time = now}, uuid_));
  frames.push_back(
      EncodeFrame({.type = FrameType::kPositions, .time = now}, EncodePositionsBody(positions)));
  producers_.Purge(now);
  std::vector<ProducerPosition> producers = producers_.Snapshot();
  for (size_t begin = 0; begin < producers.size(); begin += kProducersInFrame) {
    const size_t end = std::min(producers.size(), begin + kProducersInFrame);
    frames.push_back(
        EncodeFrame({.type = FrameType::kProducers, .time = now},
                    EncodeProducersBody({producers.begin() + begin, producers.begin() + end})));
  }
  return absl::OkStatus();
}

absl::Status WriteAheadLog::WriteGroup(std::vector<std::unique_ptr<Batch>>& group,
                                       absl::Time time) {
  const absl::Time start = absl::Now();
  std::vector<std::string> frames;  // of a new segment
  if (active_file_ == nullptr || active_bytes_ >= static_cast<uint64_t>(options_.segment_bytes)) {
    active_file_.reset();
    TARN_RETURN_IF_ERROR(BeginSegment(frames));
  }
  uint64_t end = active_bytes_;
  for (const std::string& frame : frames) end += frame.size();
  std::vector<std::string> headers;
  headers.reserve(group.size());
  for (const auto& batch : group) {
    batch->offset = end;
    batch->header.time = time;
    headers.push_back(EncodeFrameHeader(batch->header).append(batch->head));
    end += kFrameHeaderBytes + batch->header.body_bytes;
  }
  std::vector<std::string_view> pieces;
  for (const std::string& frame : frames) pieces.push_back(frame);
  for (size_t i = 0; i < group.size(); ++i) {
    pieces.push_back(headers[i]);
    pieces.push_back(group[i]->records->payload);
  }
  absl::Status status = active_file_->Append(pieces);
  if (status.ok()) {
    TARN_FAILPOINT("ingestion.wal.after_write");
    status = active_file_->Sync();
  }
  if (!status.ok()) {
    AbandonTail();
    return status;
  }
  active_bytes_ = end;
  metrics_.wal_groups.Increment();
  metrics_.wal_flush_seconds.Observe(absl::ToDoubleSeconds(absl::Now() - start));
  return absl::OkStatus();
}

// The tail of a failed write is cut off, and the segment is never written to again: after a failed
// flush nobody knows what the system still holds of it. Should even the cut fail, the frames may
// come back at the next open; those that follow in the next segment bear the same positions and
// replace them (AddFrame).
void WriteAheadLog::AbandonTail() {
  if (absl::Status cut = active_file_->Truncate(active_bytes_); !cut.ok()) {
    logging::Error("ingestion", "the tail of the write-ahead log could not be cut", cut);
  }
  active_file_->Sync().IgnoreError();
  active_file_.reset();
  std::lock_guard lock(mutex_);
  segments_[active_].bytes = active_bytes_;
}

void WriteAheadLog::AcceptGroup(std::vector<std::unique_ptr<Batch>>& group, absl::Time time) {
  std::set<std::string> changed;
  std::vector<std::pair<AppendDone, AppendOutcome>> answers;
  {
    std::lock_guard lock(mutex_);
    for (const auto& batch : group) {
      Forget(*batch);
      const FrameHeader& header = batch->header;
      metrics_.records_in.Increment(header.record_count);
      metrics_.bytes_in.Increment(static_cast<double>(batch->records->payload.size()));
      for (size_t i = 0; i < batch->done.size(); ++i) {
        answers.emplace_back(std::move(batch->done[i]),
                             AppendOutcome{header.first_position, time, i > 0});
      }
      FrameRef frame{.first_position = header.first_position,
                     .record_count = header.record_count,
                     .body_bytes = header.body_bytes,
                     .segment = active_,
                     .offset = batch->offset,
                     .time = time,
                     .records = nullptr};
      if (cached_bytes_ < options_.cache_bytes && header.record_count > 0) {
        cached_bytes_ += frame.body_bytes;
        frame.records = std::move(batch->records);
      }
      AddFrame(batch->key, header.payload_crc, std::move(frame));
      changed.insert(batch->key.stream_uid);
    }
    segments_[active_].bytes = active_bytes_;
    segments_[active_].has_positions = true;  // it begins with them
    metrics_.wal_bytes.Set(static_cast<double>(DiskBytes()));
  }
  for (auto& [done, outcome] : answers) done(outcome);
  if (on_durable_) {
    for (const std::string& uid : changed) on_durable_(uid);
  }
}

void WriteAheadLog::AddFrame(const BatchKey& key, uint32_t payload_crc, FrameRef frame) {
  StreamState& state = streams_[key.stream_uid];
  state.workspace = key.workspace;
  Segment& segment = segments_[frame.segment];
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
  if (frame.record_count == 0) return;  // its name is all that there is of it
  // A later frame with an earlier position replaces what a failed write left behind.
  while (!state.frames.empty() && state.frames.back().first_position >= frame.first_position) {
    ReleaseFrame(state, state.frames.back());
    state.frames.pop_back();
  }
  state.next_position = std::max(state.next_position, frame.first_position + frame.record_count);
  state.bytes += frame.body_bytes;
  ++segment.undelivered_frames;
  state.frames.push_back(std::move(frame));
}

void WriteAheadLog::ReleaseFrame(StreamState& state, const FrameRef& frame) {
  state.bytes -= frame.body_bytes;
  if (frame.records != nullptr) cached_bytes_ -= frame.body_bytes;
  if (auto segment = segments_.find(frame.segment); segment != segments_.end()) {
    --segment->second.undelivered_frames;
  }
}

// ---- Delivered records --------------------------------------------------------------------------

void WriteAheadLog::SetDelivered(const std::string& workspace, const std::string& stream_uid,
                                 uint64_t position) {
  std::lock_guard lock(mutex_);
  StreamState& state = streams_[stream_uid];
  state.workspace = workspace;
  state.delivered = std::max(state.delivered, position);
  state.next_position = std::max(state.next_position, position);
  while (!state.frames.empty() &&
         state.frames.front().first_position + state.frames.front().record_count <=
             state.delivered) {
    ReleaseFrame(state, state.frames.front());
    state.frames.pop_front();
  }
}

bool WriteAheadLog::CloseStream(const std::string& stream_uid) {
  std::lock_guard lock(mutex_);
  StreamState& state = streams_[stream_uid];
  if (state.in_flight > 0 || !state.frames.empty()) return false;
  state.closed = true;
  return true;
}

void WriteAheadLog::ReopenStream(const std::string& stream_uid) {
  std::lock_guard lock(mutex_);
  streams_[stream_uid].closed = false;
}

absl::Status WriteAheadLog::RemoveDeliveredSegments() {
  std::vector<std::pair<uint64_t, bool>> removable;
  const absl::Time now = clock_.Now();
  {
    std::lock_guard lock(mutex_);
    requests_.Purge(now);
    // The newest segment that holds the positions of all streams stays. It need not be the last
    // one: that may just be made, or its first write may have failed.
    const auto newest = std::find_if(segments_.rbegin(), segments_.rend(), [](const auto& segment) {
      return segment.second.has_positions;
    });
    for (auto it = segments_.begin(); newest != segments_.rend() && it->first < newest->first;
         ++it) {
      if (it->second.undelivered_frames == 0) {
        removable.emplace_back(it->first, it->second.has_requests);
      }
    }
  }
  for (const auto& [number, has_requests] : removable) {
    if (has_requests) {
      std::string kept;
      absl::StatusOr<SegmentScan> scan = ScanSegment(
          SegmentPath(number), [&](const FrameHeader& header, std::string_view body, uint64_t) {
            const bool is_batch =
                header.type == FrameType::kBatch || header.type == FrameType::kRecords;
            if (!is_batch || header.time + kRequestRetention < now) return;
            const std::optional<BatchBody> batch = DecodeBatchBody(header, body);
            if (!batch || batch->key.request_id.empty()) return;
            kept += EncodeFrame({.type = FrameType::kRequest,
                                 .first_position = header.first_position,
                                 .record_count = header.record_count,
                                 .time = header.time},
                                EncodeRequestBody(batch->key));
          });
      TARN_RETURN_IF_ERROR(scan.status());
      if (!kept.empty()) {
        TARN_RETURN_IF_ERROR(lake::WriteFileDurably(
            options_.folder / absl::StrFormat("%016x.requests", number), kept, 0600));
      }
    }
    TARN_FAILPOINT("ingestion.wal.before_segment_removal");
    if (::unlink(SegmentPath(number).c_str()) != 0 && errno != ENOENT) {
      return lake::FileError(errno, "remove", SegmentPath(number));
    }
    std::lock_guard lock(mutex_);
    segments_.erase(number);
    metrics_.wal_bytes.Set(static_cast<double>(DiskBytes()));
  }
  std::error_code error;
  for (const auto& [number, path] : NumberedFiles(options_.folder, ".requests")) {
    const auto age = fs::file_time_type::clock::now() - fs::last_write_time(path, error);
    if (!error && age > std::chrono::hours(25)) fs::remove(path, error);
  }
  return absl::OkStatus();
}

// ---- Reading ------------------------------------------------------------------------------------

StreamBacklog WriteAheadLog::Backlog(const std::string& stream_uid) const {
  std::lock_guard lock(mutex_);
  StreamBacklog backlog;
  const auto found = streams_.find(stream_uid);
  if (found == streams_.end()) return backlog;
  const StreamState& state = found->second;
  backlog.end_position = state.next_position;
  backlog.delivered_position = state.delivered;
  backlog.bytes = state.bytes;
  if (!state.frames.empty()) backlog.oldest = state.frames.front().time;
  return backlog;
}

std::vector<std::pair<std::string, std::string>> WriteAheadLog::UndeliveredStreams() const {
  std::lock_guard lock(mutex_);
  std::vector<std::pair<std::string, std::string>> streams;
  for (const auto& [uid, state] : streams_) {
    if (!state.frames.empty()) streams.emplace_back(state.workspace, uid);
  }
  return streams;
}

absl::StatusOr<WalRecords> WriteAheadLog::Read(const std::string& stream_uid, uint64_t from,
                                               uint64_t max_bytes) const {
  std::vector<FrameRef> frames;
  {
    std::lock_guard lock(mutex_);
    const auto found = streams_.find(stream_uid);
    if (found == streams_.end()) return WalRecords{};
    uint64_t bytes = 0;
    for (const FrameRef& frame : found->second.frames) {
      if (frame.first_position + frame.record_count <= from) continue;
      if (!frames.empty() && bytes + frame.body_bytes > max_bytes) break;
      bytes += frame.body_bytes;
      frames.push_back(frame);
    }
  }
  WalRecords result;
  uint64_t next = from;
  const auto add_lost = [&](uint64_t end, absl::Time time) {
    for (; next < end; ++next) result.records.push_back({next, time, {}, true});
  };
  for (const FrameRef& frame : frames) {
    add_lost(frame.first_position, frame.time);  // stood in a part that was damaged at open
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
    absl::StatusOr<FrameContent> read = ReadFrame(SegmentPath(frame.segment), frame.offset);
    if (!read.ok() && read.status().code() != absl::StatusCode::kDataLoss) return read.status();
    std::optional<BatchBody> batch;
    if (read.ok()) batch = DecodeBatchBody(read->header, *read->body);
    if (!batch || batch->records.size() != frame.record_count) {
      add_lost(frame.first_position + frame.record_count, frame.time);
      continue;
    }
    for (uint32_t i = 0; i < frame.record_count; ++i) add(i, batch->records[i]);
    result.bodies.push_back(read->body);
  }
  return result;
}

uint64_t WriteAheadLog::DiskBytes() const {
  uint64_t bytes = 0;
  for (const auto& [number, segment] : segments_) bytes += segment.bytes;
  return bytes;
}

uint64_t WriteAheadLog::disk_bytes() const {
  std::lock_guard lock(mutex_);
  return DiskBytes();
}

}  // namespace tarn::ingestion

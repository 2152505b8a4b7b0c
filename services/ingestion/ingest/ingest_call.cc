#include "services/ingestion/ingest/ingest_call.h"

#include <algorithm>
#include <utility>

#include <absl/strings/ascii.h>
#include <absl/strings/str_cat.h>
#include <absl/time/clock.h>

#include "common/clock/clock.h"
#include "common/failpoint/failpoint.h"
#include "common/postgres/storage_opener.h"
#include "common/rpc/status_conversion.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/ingestion/ingest/ingest_calls.h"
#include "services/ingestion/ingest/stream_finder.h"
#include "services/ingestion/ingestion_service.h"
#include "services/ingestion/record/record_check.h"

namespace tarn::ingestion {
namespace {

constexpr size_t kMaxProducerIdBytes = 128;
// Of one batch; the others are counted.
constexpr size_t kMaxToldRefusals = 100;
// What a batch counts besides its bytes.
constexpr size_t kEntryBytes = 256;
// About what the acknowledgements of one message may have.
constexpr size_t kResponseBytes = 256 * 1024;

absl::Status CheckProducerId(const std::string& id) {
  const bool plain = std::all_of(id.begin(), id.end(), [](unsigned char c) {
    return absl::ascii_isalnum(c) || c == '-' || c == '_' || c == '.' || c == ':' || c == '/';
  });
  if (!id.empty() && id.size() <= kMaxProducerIdBytes && plain) return absl::OkStatus();
  return InvalidFields(
      {{"open.producer_id", "1 to 128 of the characters a-z, A-Z, 0-9, '-', '_', '.', ':', '/'"}});
}

v1::IngestAck AckOf(int64_t sequence, const PutOutcome& outcome) {
  v1::IngestAck ack;
  ack.set_sequence(sequence);
  if (outcome.positions_known && outcome.stored() > 0) {
    ack.set_first_position(static_cast<int64_t>(outcome.first_position));
  }
  ack.set_record_count(outcome.stored());
  ack.set_duplicate(outcome.replayed);
  for (const RefusedRecord& refused : outcome.refused) {
    if (static_cast<size_t>(ack.refused_size()) == kMaxToldRefusals) break;
    v1::RefusedRecord& told = *ack.add_refused();
    told.set_index(refused.index);
    told.set_reason(refused.reason);
    told.set_message(refused.message);
  }
  ack.set_refused_count(static_cast<int32_t>(outcome.refused.size()));
  return ack;
}

}  // namespace

grpc::ServerBidiReactor<v1::IngestRequest, v1::IngestResponse>* IngestCall::Start(
    const IngestionCore* core, const rpc::CallHandler& handler,
    grpc::CallbackServerContext* context) {
  std::shared_ptr<IngestCall> call(new IngestCall(core));
  call->self_ = call;
  call->Begin(handler, context);
  return call.get();
}

void IngestCall::Begin(const rpc::CallHandler& handler, grpc::CallbackServerContext* context) {
  auto scope = handler.BeginCall(context, {"Ingest", rpc::Access::kWrite});
  absl::Status status = scope.status();
  if (status.ok()) {
    scope_ = *std::move(scope);
    workspace_ = scope_->context().caller.workspace;
    token_expire_time_ = scope_->context().token_expire_time;
    status = core_->storage.Check();
    if (status.ok()) status = core_->ingest_calls.Add(shared_from_this());
    admitted_ = status.ok();
  }
  if (!status.ok()) return EndNow(status);
  Step();
}

void IngestCall::EndAfterAcks(const absl::Status& status) {
  {
    std::lock_guard lock(mutex_);
    if (!end_) end_ = status;
  }
  Step();
}

void IngestCall::EndNow(const absl::Status& status) {
  {
    std::lock_guard lock(mutex_);
    if (!end_ || end_->ok()) end_ = status;
    opened_.reset();
    first_entry_ += entries_.size();
    entries_.clear();
    opening_ = false;
  }
  Step();
}

void IngestCall::OnCancel() { EndNow(absl::CancelledError("the producer went away")); }

void IngestCall::OnDone() {
  if (admitted_) core_->ingest_calls.Remove(shared_from_this());
  self_.reset();  // last: this may be gone now
}

void IngestCall::OnReadDone(bool ok) {
  // Until this is done nobody starts the next read, which would overwrite request_.
  TakeMessage(ok);
  {
    std::lock_guard lock(mutex_);
    reading_ = false;
  }
  Step();
}

void IngestCall::TakeMessage(bool ok) {
  bool is_open = false;
  {
    std::lock_guard lock(mutex_);
    if (end_) return;
    is_open = is_open_;
  }
  if (!is_open) {
    if (ok && request_.has_open()) return Open(request_.open());
    return EndNow(InvalidFields({{"open", "the first message must open the call"}}));
  }
  if (!ok) return EndAfterAcks(absl::OkStatus());
  if (!request_.has_batch()) {
    return EndAfterAcks(
        InvalidFields({{"batch", "every message after the first must be a batch"}}));
  }
  if (core_->clock.Now() > token_expire_time_) {
    return EndAfterAcks(Unauthenticated(
        "TOKEN_EXPIRED",
        "the call's token has expired; open again with a fresh one and go on after last_sequence"));
  }
  Store(*request_.mutable_batch());
}

void IngestCall::OnWriteDone(bool ok) {
  {
    std::lock_guard lock(mutex_);
    writing_ = false;
  }
  if (!ok) return EndNow(absl::CancelledError("the producer went away"));
  Step();
}

void IngestCall::Open(const v1::IngestOpen& open) {
  if (absl::Status valid = CheckProducerId(open.producer_id()); !valid.ok()) return EndNow(valid);
  producer_id_ = open.producer_id();
  backfill_ = open.backfill();
  {
    std::lock_guard lock(mutex_);
    opening_ = true;
  }
  core_->finder.Find(workspace_, open.stream(),
                     [self = shared_from_this()](const absl::StatusOr<StreamPtr>& stream) {
                       self->Opened(stream);
                     });
}

void IngestCall::Opened(const absl::StatusOr<StreamPtr>& stream) {
  if (!stream.ok()) return EndNow(stream.status());
  stream_ = *stream;
  auto reader = PayloadReader::Create("open.format", request_.open().format(), stream_->definition);
  if (!reader.ok()) return EndNow(reader.status());
  reader_.emplace(*std::move(reader));
  v1::IngestOpened opened;
  opened.set_last_sequence(
      static_cast<int64_t>(core_->writer.LastSequence(*stream_, backfill_, producer_id_)));
  opened.set_max_batch_bytes(kMaxRequestBytes);
  opened.set_max_batch_records(kMaxRequestRecords);
  opened.set_max_in_flight_bytes(core_->max_in_flight_bytes);
  if (token_expire_time_ < absl::InfiniteFuture()) {
    opened.mutable_credential_expire_time()->set_seconds(absl::ToUnixSeconds(token_expire_time_));
  }
  {
    std::lock_guard lock(mutex_);
    opening_ = false;
    if (!end_) {
      opened_ = std::move(opened);
      is_open_ = true;
    }
  }
  Step();
}

absl::StatusOr<PayloadRecords> IngestCall::ReadBatch(v1::IngestBatch& batch) const {
  if (batch.sequence() < 1) {
    return InvalidFields({{"batch.sequence", "1 for the first batch, then one more for each"}});
  }
  if (batch.payload().empty()) return JoinRecords(batch.records(), RecordChecks::kShape);
  if (!batch.records().empty()) {
    return InvalidFields({{"batch.payload", "give either records or a payload"}});
  }
  return reader_->Read(std::move(*batch.mutable_payload()), RecordChecks::kShape);
}

void IngestCall::Store(v1::IngestBatch& batch) {
  const size_t bytes = batch.ByteSizeLong() + kEntryBytes;
  uint64_t number = 0;
  {
    std::lock_guard lock(mutex_);
    number = first_entry_ + entries_.size();
    entries_.emplace_back().bytes = bytes;
    in_flight_bytes_ += bytes;
  }
  const int64_t sequence = batch.sequence();
  absl::StatusOr<PayloadRecords> records = ReadBatch(batch);
  if (!records.ok()) {
    return Stored(number, sequence, Annotate(records.status(), absl::StrCat("batch ", sequence)));
  }
  core_->writer.PutBatch(
      *stream_, backfill_, *std::move(records), producer_id_, static_cast<uint64_t>(sequence),
      [self = shared_from_this(), number, sequence](const absl::StatusOr<PutOutcome>& outcome) {
        self->Stored(number, sequence, outcome);
      });
}

void IngestCall::Stored(uint64_t number, int64_t sequence,
                        const absl::StatusOr<PutOutcome>& outcome) {
  {
    std::lock_guard lock(mutex_);
    if (number < first_entry_) return;  // ended meanwhile
    Entry& entry = entries_[number - first_entry_];
    entry.done = true;
    if (outcome.ok()) {
      entry.ack = AckOf(sequence, *outcome);
      // A small batch may have a large acknowledgement.
      const size_t ack_bytes = entry.ack.ByteSizeLong();
      entry.bytes += ack_bytes;
      in_flight_bytes_ += ack_bytes;
    } else {
      entry.error = outcome.status();
    }
    if (number > first_entry_) return;  // one before it is awaited
  }
  Step();
}

bool IngestCall::TakeReady() {
  response_.Clear();
  bool any = false;
  if (opened_) {
    *response_.mutable_opened() = *std::move(opened_);
    opened_.reset();
    return true;  // by itself, the first
  }
  size_t bytes = 0;
  while (!entries_.empty() && entries_.front().done && bytes < kResponseBytes) {
    Entry& entry = entries_.front();
    if (!entry.error.ok()) {
      // What follows is not stored either: the log takes no batch behind one that failed.
      end_ = entry.error;
      first_entry_ += entries_.size();
      entries_.clear();
      break;
    }
    bytes += entry.ack.ByteSizeLong();
    *response_.add_acks() = std::move(entry.ack);
    in_flight_bytes_ -= entry.bytes;
    entries_.pop_front();
    ++first_entry_;
    any = true;
  }
  return any;
}

void IngestCall::Step() {
  // The last reference may be dropped by what is started below.
  const std::shared_ptr<IngestCall> keep = shared_from_this();
  bool write = false;
  bool read = false;
  absl::Status finish;
  bool finishing = false;
  std::unique_ptr<rpc::CallScope> scope;
  {
    std::lock_guard lock(mutex_);
    if (finished_) return;
    if (!writing_) {
      write = TakeReady();
      writing_ = write;
    }
    if (!end_ && !reading_ && !opening_ &&
        in_flight_bytes_ <= static_cast<size_t>(core_->max_in_flight_bytes)) {
      read = true;
      reading_ = true;
      starting_read_ = true;
    }
    if (end_ && !writing_ && !opening_ && !starting_read_ && entries_.empty()) {
      finishing = true;
      finished_ = true;
      finish = *end_;
      scope = std::move(scope_);
    }
  }
  if (write) {
    if (!response_.acks().empty()) TARN_FAILPOINT("ingestion.ingest.before_acks");
    StartWrite(&response_);
  }
  if (read) {
    StartRead(&request_);
    bool ended = false;
    {
      std::lock_guard lock(mutex_);
      starting_read_ = false;
      ended = end_.has_value();
    }
    if (ended) return Step();
  }
  if (finishing) Finish(scope != nullptr ? scope->Finish(finish) : rpc::ToGrpcStatus(finish));
}

}  // namespace tarn::ingestion

#include "services/cli/record_ingester.h"

#include <utility>

#include "common/clock/clock.h"
#include "common/rpc/client.h"
#include "common/rpc/status_conversion.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"

namespace tarn::cli {
namespace {

namespace v1 = ::tarn::ingestion::v1;

// About what the server has under way of one call.
constexpr size_t kMaxPendingBytes = 16u << 20;

bool CanBeMended(const absl::Status& status) {
  const std::string reason = ErrorReason(status);
  return status.code() == absl::StatusCode::kUnavailable || reason == "TOKEN_EXPIRED" ||
         reason == "WAL_OVERLOADED";
}

}  // namespace

RecordIngester::RecordIngester(Connection& connection, IngestOptions options, OnAck on_ack)
    : connection_(connection),
      options_(std::move(options)),
      on_ack_(std::move(on_ack)),
      stub_(v1::IngestionService::NewStub(connection.channel())) {}

RecordIngester::~RecordIngester() {
  if (call_ == nullptr) return;
  context_->TryCancel();
  (void)Close();
}

absl::StatusOr<int64_t> RecordIngester::Open() {
  absl::StatusOr<int64_t> last = OpenOnce();
  while (!last.ok() && CanBeMended(last.status()) &&
         ++failures_ < connection_.options().retry.max_attempts) {
    SystemClock().SleepFor(rpc::RetryBackoff(connection_.options().retry, failures_));
    last = OpenOnce();
  }
  return last;
}

absl::StatusOr<int64_t> RecordIngester::OpenOnce() {
  TARN_ASSIGN_OR_RETURN(const rpc::Credentials credentials, connection_.GetCredentials());
  context_ = std::make_unique<grpc::ClientContext>();
  rpc::PrepareContext(*context_, credentials, absl::InfiniteDuration());
  call_ = stub_->Ingest(context_.get());
  ended_ = false;
  v1::IngestRequest request;
  request.mutable_open()->set_stream(options_.stream);
  request.mutable_open()->set_producer_id(options_.producer_id);
  *request.mutable_open()->mutable_format() = options_.format;
  request.mutable_open()->set_backfill(options_.backfill);
  v1::IngestResponse response;
  if (!call_->Write(request) || !call_->Read(&response)) {
    const absl::Status status = Close();
    if (!status.ok()) return status;
    return Unavailable("CALL_ENDED", "the server ended the call before it was open");
  }
  if (!response.has_opened()) {
    context_->TryCancel();
    (void)Close();
    return Internal("RESPONSE_UNREADABLE", "the server did not answer the opening of the call");
  }
  reader_ = std::thread([this] { ReadAnswers(); });
  return response.opened().last_sequence();
}

void RecordIngester::ReadAnswers() {
  v1::IngestResponse response;
  while (call_->Read(&response)) {
    std::lock_guard lock(mutex_);
    for (v1::IngestAck& ack : *response.mutable_acks()) acks_.push_back(std::move(ack));
    changed_.notify_all();
  }
  std::lock_guard lock(mutex_);
  ended_ = true;
  changed_.notify_all();
}

absl::Status RecordIngester::Close() {
  // The reader ends with the call; Finish is for when nobody reads or writes.
  if (reader_.joinable()) reader_.join();
  v1::IngestResponse rest;
  while (call_->Read(&rest)) {
  }
  const absl::Status status = rpc::FromGrpcStatus(call_->Finish());
  call_.reset();
  return status;
}

bool RecordIngester::Write(const Pending& pending) { return call_->Write(pending.request); }

void RecordIngester::TakeAcks() {
  std::deque<v1::IngestAck> acks;
  {
    std::lock_guard lock(mutex_);
    acks.swap(acks_);
  }
  for (const v1::IngestAck& ack : acks) {
    // In order, but for what a call before had acknowledged already.
    if (pending_.empty() || pending_.front().request.batch().sequence() != ack.sequence()) continue;
    on_ack_(ack, pending_.front().lines);
    pending_bytes_ -= pending_.front().bytes;
    pending_.pop_front();
    failures_ = 0;
  }
}

absl::Status RecordIngester::Reopen(absl::Status failure) {
  while (true) {
    if (failure.ok()) failure = Unavailable("CALL_ENDED", "the server ended the call too soon");
    if (!CanBeMended(failure) || ++failures_ >= connection_.options().retry.max_attempts) {
      return failure;
    }
    SystemClock().SleepFor(rpc::RetryBackoff(connection_.options().retry, failures_));
    failure = OpenOnce().status();
    if (!failure.ok()) continue;
    bool sent = true;
    for (const Pending& pending : pending_) sent = sent && Write(pending);
    if (sent) return absl::OkStatus();
    failure = Close();
    TakeAcks();
  }
}

absl::Status RecordIngester::Send(v1::IngestBatch batch, std::vector<int64_t> lines) {
  Pending next;
  next.bytes = batch.ByteSizeLong();
  *next.request.mutable_batch() = std::move(batch);
  next.lines = std::move(lines);
  while (true) {
    TakeAcks();
    bool ended = false;
    {
      std::unique_lock lock(mutex_);
      const bool full = !pending_.empty() && pending_bytes_ + next.bytes > kMaxPendingBytes;
      if (full) changed_.wait(lock, [&] { return ended_ || !acks_.empty(); });
      if (full && !acks_.empty()) continue;
      ended = ended_;
    }
    if (!ended) break;
    absl::Status failure = Close();
    TakeAcks();
    TARN_RETURN_IF_ERROR(Reopen(std::move(failure)));
  }
  pending_bytes_ += next.bytes;
  pending_.push_back(std::move(next));
  if (Write(pending_.back())) return absl::OkStatus();
  absl::Status failure = Close();
  TakeAcks();
  return Reopen(std::move(failure));
}

absl::Status RecordIngester::Finish() {
  while (true) {
    call_->WritesDone();
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return ended_; });
    }
    absl::Status status = Close();
    TakeAcks();
    if (status.ok() && pending_.empty()) return absl::OkStatus();
    TARN_RETURN_IF_ERROR(Reopen(std::move(status)));
  }
}

}  // namespace tarn::cli

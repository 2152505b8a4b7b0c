#include <algorithm>
#include <random>

#include <absl/strings/str_cat.h>

#include "common/rpc/client.h"
#include "common/rpc/status_conversion.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "tests/e2e/grpc_way.h"

namespace tarn::e2e {
namespace {

using ::tarn::ingestion::v1::IngestAck;
using ::tarn::ingestion::v1::IngestRequest;
using ::tarn::ingestion::v1::IngestResponse;

// Of one batch of the call: a batch that is to be sent becomes several.
constexpr size_t kRecordsPerSequence = 4;
// A call that lasts longer breaks, and is opened again.
constexpr absl::Duration kCallTimeout = absl::Seconds(20);

class IngestWay : public RecordWay {
 public:
  IngestWay(const WayTarget& target, const std::string& producer_id, uint64_t seed)
      : stream_(target.stream), producer_id_(producer_id), connection_(target), random_(seed) {}
  ~IngestWay() override { Cancel(); }

  absl::Status Send(const RecordBatch& batch) override {
    if (batch.id != batch_id_) Begin(batch.id);
    const absl::Status sent = SendRest(batch);
    if (!sent.ok()) Cancel();
    acknowledged_ = sent.ok();
    return sent;
  }

 private:
  using Call = grpc::ClientReaderWriter<IngestRequest, IngestResponse>;

  void Begin(const std::string& id) {
    if (!acknowledged_) {
      // Nobody knows which sequences of the batch that was given up are stored, so that they cannot
      // be used for others.
      Cancel();
      ++generation_;
      last_ = 0;
    }
    batch_id_ = id;
    before_ = last_;
    acknowledged_ = false;
  }

  // What is not acknowledged of the batch: the sequences behind last_.
  absl::Status SendRest(const RecordBatch& batch) {
    const int64_t end =
        before_ + static_cast<int64_t>((batch.records.size() + kRecordsPerSequence - 1) /
                                       kRecordsPerSequence);
    if (call_ == nullptr) TARN_RETURN_IF_ERROR(Open(end));
    for (int64_t sequence = last_ + 1; sequence <= end; ++sequence) {
      IngestRequest request;
      request.mutable_batch()->set_sequence(sequence);
      const size_t first = static_cast<size_t>(sequence - before_ - 1) * kRecordsPerSequence;
      const size_t count = std::min(kRecordsPerSequence, batch.records.size() - first);
      for (size_t i = first; i < first + count; ++i) {
        request.mutable_batch()->add_records(batch.records[i]);
      }
      if (!call_->Write(request)) return Broken();
    }
    while (last_ < end) {
      IngestResponse response;
      if (!call_->Read(&response)) return Broken();
      for (const IngestAck& ack : response.acks()) {
        if (ack.sequence() != last_ + 1 || ack.refused_count() > 0) {
          return absl::InternalError(absl::StrCat("sequence ", ack.sequence(),
                                                  " was answered where ", last_ + 1,
                                                  " was sent: ", ack.ShortDebugString()));
        }
        last_ = ack.sequence();
      }
    }
    return absl::OkStatus();
  }

  absl::Status Open(int64_t end) {
    TARN_ASSIGN_OR_RETURN(std::string token, connection_.tokens.ServiceToken());
    context_ = std::make_unique<grpc::ClientContext>();
    rpc::PrepareContext(*context_, {.token = token}, kCallTimeout);
    call_ = connection_.stub->Ingest(context_.get());
    IngestRequest request;
    request.mutable_open()->set_stream(stream_);
    request.mutable_open()->set_producer_id(absl::StrCat(producer_id_, "-", generation_));
    IngestResponse response;
    if (!call_->Write(request) || !call_->Read(&response)) return Broken();
    const int64_t stored = response.opened().last_sequence();
    if (stored < last_ || stored > end) {
      return absl::InternalError(absl::StrCat("sequence ", last_, " was acknowledged and ", end,
                                              " the last that was sent, but the server is at ",
                                              stored));
    }
    last_ = std::uniform_int_distribution<int>(0, 1)(random_) == 0 ? before_ : stored;
    return absl::OkStatus();
  }

  void Cancel() {
    if (call_ == nullptr) return;
    context_->TryCancel();
    Broken().IgnoreError();
  }

  // Why the call ended.
  absl::Status Broken() {
    IngestResponse rest;
    while (call_->Read(&rest)) {
    }
    const grpc::Status status = call_->Finish();
    call_.reset();
    if (status.ok()) return Unavailable("CALL_ENDED", "the server ended the call");
    return rpc::FromGrpcStatus(status);
  }

  const std::string stream_;
  const std::string producer_id_;
  GrpcWayConnection connection_;
  std::mt19937_64 random_;
  std::unique_ptr<grpc::ClientContext> context_;
  std::unique_ptr<Call> call_;  // null: open one
  int generation_ = 1;
  std::string batch_id_;
  int64_t before_ = 0;        // the last sequence before the batch at hand
  int64_t last_ = 0;          // the last that is acknowledged, or not sent again
  bool acknowledged_ = true;  // the batch at hand
};

}  // namespace

std::unique_ptr<RecordWay> MakeIngestWay(const WayTarget& target, const std::string& producer_id,
                                         uint64_t seed) {
  return std::make_unique<IngestWay>(target, producer_id, seed);
}

}  // namespace tarn::e2e

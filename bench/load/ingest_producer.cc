#include "bench/load/ingest_producer.h"

#include <absl/strings/str_cat.h>

#include "common/rpc/client.h"

namespace tarn::bench {

IngestProducer::IngestProducer(LoadTarget& target, const std::string& stream,
                               const std::string& producer_id)
    : stub_(ingestion::v1::IngestionService::NewStub(target.NewChannel("ingestion"))) {
  rpc::PrepareContext(context_, target.credentials(), absl::InfiniteDuration());
  call_ = stub_->Ingest(&context_);
  request_.mutable_open()->set_stream(absl::StrCat("streams/", stream));
  request_.mutable_open()->set_producer_id(producer_id);
  ingestion::v1::IngestResponse opened;
  if (!call_->Write(request_) || !call_->Read(&opened)) {
    DieUnlessOk(rpc::FromGrpcStatus(call_->Finish()), "opening Ingest");
  }
  reader_ = std::thread([this] { ReadAcknowledgements(); });
}

IngestProducer::~IngestProducer() { Finish(); }

void IngestProducer::ReadAcknowledgements() {
  ingestion::v1::IngestResponse response;
  while (call_->Read(&response)) {
    const std::lock_guard<std::mutex> lock(mutex_);
    for (const ingestion::v1::IngestAck& ack : response.acks()) {
      acknowledged_records_ += ack.record_count();
      const auto batch = in_flight_.find(ack.sequence());
      if (batch == in_flight_.end()) continue;
      in_flight_bytes_ -= batch->second;
      in_flight_.erase(batch);
    }
    changed_.notify_all();
  }
  const std::lock_guard<std::mutex> lock(mutex_);
  broken_ = true;
  changed_.notify_all();
}

void IngestProducer::Send(const MessageBatch& batch) {
  const auto bytes = static_cast<int64_t>(batch.lines.size());
  {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [&] { return broken_ || in_flight_bytes_ < kWindowBytes; });
    in_flight_[++sequence_] = bytes;
    in_flight_bytes_ += bytes;
  }
  request_.mutable_batch()->set_sequence(sequence_);
  request_.mutable_batch()->set_payload(batch.lines);
  if (!call_->Write(request_)) DieUnlessOk(rpc::FromGrpcStatus(call_->Finish()), "sending");
}

void IngestProducer::Finish() {
  if (finished_) return;
  finished_ = true;
  call_->WritesDone();
  reader_.join();
  DieUnlessOk(rpc::FromGrpcStatus(call_->Finish()), "Ingest");
}

}  // namespace tarn::bench

// One producer on one Ingest call: sends batches without waiting for each, within a window, and
// counts what is acknowledged. A thread of its own reads the acknowledgements.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "tarn/ingestion/v1/ingestion_service.grpc.pb.h"

#include "bench/load/device_messages.h"
#include "bench/load/load_target.h"

namespace tarn::bench {

class IngestProducer {
 public:
  IngestProducer(LoadTarget& target, const std::string& stream, const std::string& producer_id);
  ~IngestProducer();

  // Waits while `window_bytes` are unacknowledged.
  void Send(const MessageBatch& batch);
  // Ends the call when all is acknowledged; an error ends the program.
  void Finish();
  int64_t acknowledged_records() const { return acknowledged_records_; }

 private:
  static constexpr int64_t kWindowBytes = 16 << 20;

  void ReadAcknowledgements();

  std::unique_ptr<ingestion::v1::IngestionService::Stub> stub_;
  grpc::ClientContext context_;
  std::unique_ptr<
      grpc::ClientReaderWriter<ingestion::v1::IngestRequest, ingestion::v1::IngestResponse>>
      call_;
  ingestion::v1::IngestRequest request_;
  std::mutex mutex_;
  std::condition_variable changed_;
  int64_t sequence_ = 0;
  std::map<int64_t, int64_t> in_flight_;  // bytes by sequence
  int64_t in_flight_bytes_ = 0;
  int64_t acknowledged_records_ = 0;
  bool broken_ = false;
  bool finished_ = false;
  std::thread reader_;
};

}  // namespace tarn::bench

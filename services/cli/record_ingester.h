// Puts batches into a stream by Ingest: each exactly once, however often the connection breaks.
// Batches that are not yet acknowledged are kept and sent again on a new call; the server knows
// those that it has. Sending waits while too much is not acknowledged.
//
// Used from one thread, on which the callback is called too; a thread of its own reads answers.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <grpcpp/client_context.h>

#include "tarn/ingestion/v1/ingestion_service.grpc.pb.h"

#include "services/cli/connection.h"

namespace tarn::cli {

struct IngestOptions {
  std::string stream;  // full name
  std::string producer_id;
  ingestion::v1::PayloadFormat format;
  bool backfill = false;
};

class RecordIngester {
 public:
  // What became of a batch; `lines` are those that it was sent with.
  using OnAck =
      std::function<void(const ingestion::v1::IngestAck& ack, const std::vector<int64_t>& lines)>;

  RecordIngester(Connection& connection, IngestOptions options, OnAck on_ack);
  ~RecordIngester();

  // The last batch that is stored, from an earlier time: it and those before need not be sent.
  absl::StatusOr<int64_t> Open();
  // Sends a batch, whose sequence follows the one before. The call's error when it cannot be mended
  // by another call.
  absl::Status Send(ingestion::v1::IngestBatch batch, std::vector<int64_t> lines);
  // Waits until all is acknowledged.
  absl::Status Finish();

 private:
  struct Pending {
    ingestion::v1::IngestRequest request;
    std::vector<int64_t> lines;
    size_t bytes = 0;
  };

  // One call, and the thread that reads it.
  absl::StatusOr<int64_t> OpenOnce();
  void ReadAnswers();
  // Ends the call and gives its error.
  absl::Status Close();
  // After a failure: a new call, on which what is pending is sent again.
  absl::Status Reopen(absl::Status failure);
  // Tells what has been acknowledged so far, on the caller's thread.
  void TakeAcks();
  bool Write(const Pending& pending);

  Connection& connection_;
  const IngestOptions options_;
  const OnAck on_ack_;
  const std::unique_ptr<ingestion::v1::IngestionService::Stub> stub_;

  std::unique_ptr<grpc::ClientContext> context_;
  std::unique_ptr<
      grpc::ClientReaderWriter<ingestion::v1::IngestRequest, ingestion::v1::IngestResponse>>
      call_;
  std::thread reader_;
  std::deque<Pending> pending_;  // sent, not yet acknowledged, in order
  size_t pending_bytes_ = 0;
  int failures_ = 0;  // since the last acknowledgement

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<ingestion::v1::IngestAck> acks_;  // read, not yet told
  bool ended_ = false;                         // nothing more comes on this call
};

}  // namespace tarn::cli

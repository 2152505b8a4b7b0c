// One Ingest call: reads batches, has them stored, acknowledges them in order.
//
// Reading pauses while more than `max_in_flight_bytes` are read and not yet acknowledged, so that
// gRPC's flow control slows the producer. Acknowledgements that become ready while one message is
// being written go together in the next.
//
// Threads: gRPC's callbacks, the log's and the finder's thread. Nothing blocks, and no lock is held
// while something else is called. The call keeps itself alive until gRPC is done with it; answers
// of the log that come later find it ended.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include <absl/status/status.h>
#include <grpcpp/support/server_callback.h>

#include "tarn/ingestion/v1/ingestion_service.pb.h"

#include "common/rpc/call_handler.h"
#include "services/ingestion/payload/payload_reader.h"
#include "services/ingestion/record_writer.h"
#include "services/ingestion/stream/stream_registry.h"

namespace tarn::ingestion {

struct IngestionCore;

class IngestCall final : public grpc::ServerBidiReactor<v1::IngestRequest, v1::IngestResponse>,
                         public std::enable_shared_from_this<IngestCall> {
 public:
  // The reactor of a call. What is referred to outlives the call; `core` is there once the handler
  // admits calls.
  static grpc::ServerBidiReactor<v1::IngestRequest, v1::IngestResponse>* Start(
      const IngestionCore* core, const rpc::CallHandler& handler,
      grpc::CallbackServerContext* context);

  // Reads no more, and ends with `status` once all that was read is acknowledged.
  void EndAfterAcks(const absl::Status& status);

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

 private:
  // A batch that was read. Entries leave in order.
  struct Entry {
    size_t bytes = 0;
    bool done = false;
    absl::Status error;
    v1::IngestAck ack;
  };

  explicit IngestCall(const IngestionCore* core) : core_(core) {}

  void Begin(const rpc::CallHandler& handler, grpc::CallbackServerContext* context);
  // What OnReadDone does with the message in request_.
  void TakeMessage(bool ok);
  void Open(const v1::IngestOpen& open);
  void Opened(const absl::StatusOr<StreamPtr>& stream);
  void Store(v1::IngestBatch& batch);
  absl::StatusOr<PayloadRecords> ReadBatch(v1::IngestBatch& batch) const;
  void Stored(uint64_t number, int64_t sequence, const absl::StatusOr<PutOutcome>& outcome);
  // Ends at once: what is not yet acknowledged is not any more.
  void EndNow(const absl::Status& status);

  // Starts whatever can be started now: a read, a write, the end.
  void Step();
  // Under the lock. Moves what is ready into response_; whether that is anything.
  bool TakeReady();

  const IngestionCore* const core_;  // not before the call is admitted
  bool admitted_ = false;
  std::shared_ptr<IngestCall> self_;  // until OnDone
  std::unique_ptr<rpc::CallScope> scope_;

  std::string workspace_;
  absl::Time token_expire_time_;

  // Of the reading side: used between a read's end and the next read's start.
  v1::IngestRequest request_;
  // Set while the call opens, constant after that.
  StreamPtr stream_;
  std::optional<PayloadReader> reader_;
  std::string producer_id_;
  bool backfill_ = false;

  // Of the writing side: used while writing_.
  v1::IngestResponse response_;

  std::mutex mutex_;
  std::optional<v1::IngestOpened> opened_;  // to be written
  bool opening_ = false;                    // the stream is being found
  bool is_open_ = false;
  std::deque<Entry> entries_;
  uint64_t first_entry_ = 0;  // the number of entries_.front()
  size_t in_flight_bytes_ = 0;
  bool reading_ = false;  // until what was read is taken
  // Between the decision and StartRead: the call must not be finished before, nothing may be
  // started after.
  bool starting_read_ = false;
  bool writing_ = false;
  bool finished_ = false;
  // Nothing is read any more; how the call ends.
  std::optional<absl::Status> end_;
};

}  // namespace tarn::ingestion

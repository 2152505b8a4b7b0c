// The ways for records into a stream, as a client of each would go: whoever gets no answer sends
// the same batch again, in the manner of the way, and each acknowledged record has to be stored
// once. A way belongs to one thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <absl/status/status.h>

namespace tarn::e2e {

struct RecordBatch {
  std::string id;  // unique; the same again is the same batch
  std::vector<std::string> records;
};

class RecordWay {
 public:
  virtual ~RecordWay() = default;
  // Sends a batch and waits until it is acknowledged. After an error it may or may not be stored:
  // send it again until it is acknowledged, or go on with another.
  virtual absl::Status Send(const RecordBatch& batch) = 0;
};

// Where a stream is fed.
struct WayTarget {
  std::string address;   // of dashboard's gRPC; "host:port" of ingestion's HTTP for HttpWay
  std::string key_file;  // of a key that may write
  std::string stream;    // "streams/s"
};

// Each batch is one PutRecords under its id as request id.
std::unique_ptr<RecordWay> MakePutRecordsWay(const WayTarget& target);
// Each batch is some batches of an Ingest call, on their way at the same time. The call stays open,
// and is opened again when it breaks: then, as `seed` decides, it goes on behind what the server
// has, or sends all again under the same sequences.
std::unique_ptr<RecordWay> MakeIngestWay(const WayTarget& target, const std::string& producer_id,
                                         uint64_t seed);
// Each batch is one POST of JSON lines with its id as Idempotency-Key.
std::unique_ptr<RecordWay> MakeHttpWay(const WayTarget& target);

}  // namespace tarn::e2e

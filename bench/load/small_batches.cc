#include "bench/load/small_batches.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <vector>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>
#include <absl/time/clock.h>

#include "tarn/ingestion/v1/ingestion_service.grpc.pb.h"

#include "bench/load/device_messages.h"
#include "bench/load/percentile.h"
#include "common/rpc/client.h"

namespace tarn::bench {
namespace {

using ingestion::v1::IngestionService;

// One client: the next call begins in the callback of the one before, so that sixty-four of them
// need no threads of their own.
class Client {
 public:
  Client(LoadTarget& target, const std::string& stream, const MessageBatch& batch)
      : stub_(IngestionService::NewStub(target.NewChannel("ingestion"))),
        credentials_(target.credentials()) {
    request_.set_stream(absl::StrCat("streams/", stream));
    for (const absl::string_view line : absl::StrSplit(batch.lines, '\n', absl::SkipEmpty())) {
      request_.add_records(line.data(), line.size());
    }
  }

  void Run(absl::Time until) {
    until_ = until;
    Next();
  }
  void Wait() {
    std::unique_lock<std::mutex> lock(mutex_);
    ended_.wait(lock, [this] { return done_; });
  }
  const std::vector<double>& latencies_ms() const { return latencies_ms_; }

 private:
  void Next() {
    context_ = std::make_unique<grpc::ClientContext>();
    rpc::PrepareContext(*context_, credentials_);
    begin_ = absl::Now();
    stub_->async()->PutRecords(context_.get(), &request_, &response_,
                               [this](const grpc::Status& status) { Answered(status); });
  }
  void Answered(const grpc::Status& status) {
    DieUnlessOk(rpc::FromGrpcStatus(status), "PutRecords");
    const absl::Time now = absl::Now();
    latencies_ms_.push_back(absl::ToDoubleMilliseconds(now - begin_));
    if (now < until_) return Next();
    const std::lock_guard<std::mutex> lock(mutex_);
    done_ = true;
    ended_.notify_all();
  }

  const std::unique_ptr<IngestionService::Stub> stub_;
  const rpc::Credentials credentials_;
  ingestion::v1::PutRecordsRequest request_;
  ingestion::v1::PutRecordsResponse response_;
  std::unique_ptr<grpc::ClientContext> context_;
  absl::Time until_, begin_;
  std::vector<double> latencies_ms_;
  std::mutex mutex_;
  std::condition_variable ended_;
  bool done_ = false;
};

}  // namespace

SmallBatchesResult RunSmallBatches(LoadTarget& target, const std::string& stream, int clients,
                                   int records, absl::Duration duration) {
  const std::vector<MessageBatch> batches = MakeBatches(static_cast<size_t>(clients), records, 7);
  std::vector<std::unique_ptr<Client>> all;
  for (const MessageBatch& batch : batches) {
    all.push_back(std::make_unique<Client>(target, stream, batch));
  }
  const absl::Time begin = absl::Now();
  for (const auto& client : all) client->Run(begin + duration);
  std::vector<double> latencies;
  for (const auto& client : all) {
    client->Wait();
    latencies.insert(latencies.end(), client->latencies_ms().begin(), client->latencies_ms().end());
  }
  const double seconds = absl::ToDoubleSeconds(absl::Now() - begin);
  return {.records_a_second = static_cast<double>(latencies.size()) * records / seconds,
          .ack_p50_ms = Percentile(latencies, 0.5),
          .ack_p99_ms = Percentile(latencies, 0.99)};
}

}  // namespace tarn::bench

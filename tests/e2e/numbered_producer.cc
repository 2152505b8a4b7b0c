#include "tests/e2e/numbered_producer.h"

#include <algorithm>
#include <thread>

#include <absl/strings/str_cat.h>
#include <absl/time/clock.h>
#include <grpcpp/security/credentials.h>

#include "tarn/ingestion/v1/ingestion_service.grpc.pb.h"

#include "common/auth/remote_token_provider.h"
#include "common/clock/clock.h"
#include "common/ids/ids.h"
#include "common/rpc/client.h"
#include "common/rpc/service_directory.h"
#include "common/status/status_macros.h"
#include "tests/e2e/child.h"

namespace tarn::e2e {
namespace {

using ::tarn::ingestion::v1::IngestionService;
using ::tarn::ingestion::v1::PutRecordsRequest;
using ::tarn::ingestion::v1::PutRecordsResponse;

constexpr absl::Duration kPause = absl::Milliseconds(20);
constexpr absl::Duration kCallTimeout = absl::Seconds(20);

}  // namespace

struct NumberedProducer::Sender {
  explicit Sender(const NumberedProducerOptions& options)
      : channel(rpc::CreateChannelTo(options.address, grpc::InsecureChannelCredentials())),
        tokens([this] { return channel; }, options.key_file, SystemClock()),
        stub(IngestionService::NewStub(channel)) {}

  absl::Status Put(const PutRecordsRequest& request) {
    TARN_ASSIGN_OR_RETURN(std::string token, tokens.ServiceToken());
    TARN_ASSIGN_OR_RETURN(PutRecordsResponse response,
                          rpc::Call(*stub, &IngestionService::Stub::PutRecords, request,
                                    {.token = token}, {.timeout = kCallTimeout}));
    if (response.failed_count() == 0) return absl::OkStatus();
    return absl::InternalError(response.results(0).error_message());
  }

  std::shared_ptr<grpc::Channel> channel;
  auth::RemoteTokenProvider tokens;
  std::unique_ptr<IngestionService::Stub> stub;
  std::thread thread;
};

NumberedProducer::NumberedProducer(NumberedProducerOptions options)
    : options_(std::move(options)), sender_(std::make_unique<Sender>(options_)) {
  sender_->thread = std::thread([this] { Run(); });
}

NumberedProducer::~NumberedProducer() {
  stopping_ = true;
  giving_up_ = true;
  if (sender_->thread.joinable()) sender_->thread.join();
}

void NumberedProducer::Run() {
  while (!stopping_) {
    PutRecordsRequest request;
    request.set_stream(options_.stream);
    request.set_request_id(NewUuid());
    const size_t first = fates_.size();
    for (int i = 0; i < options_.records_per_batch; ++i) {
      request.add_records(absl::StrCat(R"({"device":"d","n":)", fates_.size(), "}"));
      fates_.push_back(RecordFate::kUnknown);
    }
    absl::Status put;
    for (int attempt = 1;; ++attempt) {
      put = sender_->Put(request);
      if (put.ok() || attempt == options_.attempts || giving_up_) break;
      absl::SleepFor(kPause);
    }
    if (!put.ok()) continue;
    std::fill(fates_.begin() + static_cast<ptrdiff_t>(first), fates_.end(),
              RecordFate::kAcknowledged);
    acknowledged_ += options_.records_per_batch;
    absl::SleepFor(kPause);
  }
  ended_ = true;
}

bool NumberedProducer::WaitForMore(int64_t more, absl::Duration timeout) const {
  const int64_t enough = acknowledged_ + more;
  return WaitUntil([&] { return acknowledged_ >= enough; }, timeout);
}

std::vector<RecordFate> NumberedProducer::Stop() {
  stopping_ = true;
  WaitUntil([this] { return ended_.load(); }, absl::Minutes(2));
  giving_up_ = true;
  sender_->thread.join();
  return std::move(fates_);
}

}  // namespace tarn::e2e

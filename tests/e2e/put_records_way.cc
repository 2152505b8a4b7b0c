#include "common/rpc/client.h"
#include "common/status/status_macros.h"
#include "tests/e2e/grpc_way.h"

namespace tarn::e2e {
namespace {

using ::tarn::ingestion::v1::IngestionService;
using ::tarn::ingestion::v1::PutRecordsRequest;
using ::tarn::ingestion::v1::PutRecordsResponse;

constexpr absl::Duration kCallTimeout = absl::Seconds(20);

class PutRecordsWay : public RecordWay {
 public:
  explicit PutRecordsWay(const WayTarget& target) : stream_(target.stream), connection_(target) {}

  absl::Status Send(const RecordBatch& batch) override {
    PutRecordsRequest request;
    request.set_stream(stream_);
    request.set_request_id(batch.id);
    for (const std::string& record : batch.records) request.add_records(record);
    TARN_ASSIGN_OR_RETURN(std::string token, connection_.tokens.ServiceToken());
    TARN_ASSIGN_OR_RETURN(PutRecordsResponse response,
                          rpc::Call(*connection_.stub, &IngestionService::Stub::PutRecords, request,
                                    {.token = token}, {.timeout = kCallTimeout}));
    if (response.failed_count() == 0) return absl::OkStatus();
    return absl::InternalError("a record was refused");
  }

 private:
  const std::string stream_;
  GrpcWayConnection connection_;
};

}  // namespace

std::unique_ptr<RecordWay> MakePutRecordsWay(const WayTarget& target) {
  return std::make_unique<PutRecordsWay>(target);
}

}  // namespace tarn::e2e

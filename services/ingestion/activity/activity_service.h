// The RPCs of activities: decode, call, encode. Thread safe.
#pragma once

#include <memory>

#include "tarn/ingestion/v1/activity_service.grpc.pb.h"

#include "common/rpc/call_handler.h"

namespace tarn {
class Clock;
class StorageOpener;
}  // namespace tarn

namespace tarn::ingestion {

class ActivityPreview;
class StreamRegistry;
class WriteAheadLog;

// What the calls need; all outlives them.
struct ActivityCore {
  ActivityPreview& preview;
  StreamRegistry& streams;
  const WriteAheadLog& wal;
  const Clock& clock;
  const StorageOpener& storage;
};

class ActivityService : public v1::ActivityService::Service {
 public:
  explicit ActivityService(rpc::CallHandlerOptions options) : handler_(std::move(options)) {}

  // Before the first call.
  void SetCore(const ActivityCore& core) { core_ = std::make_unique<ActivityCore>(core); }

  grpc::Status PreviewActivities(grpc::ServerContext*, const v1::PreviewActivitiesRequest*,
                                 v1::PreviewActivitiesResponse*) override;

 private:
  absl::Status Preview(const rpc::CallContext& call, const v1::PreviewActivitiesRequest& request,
                       v1::PreviewActivitiesResponse& response);

  rpc::CallHandler handler_;
  std::unique_ptr<ActivityCore> core_;
};

}  // namespace tarn::ingestion

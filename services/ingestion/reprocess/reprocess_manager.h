// The rules of reprocesses as callers know them. Thread safe; blocking. Errors besides the store's:
// INVALID_ARGUMENT INVALID_FIELD and INVALID_RESOURCE_NAME, NOT_FOUND STREAM_NOT_FOUND.
#pragma once

#include <functional>
#include <string>

#include <absl/status/statusor.h>

#include "tarn/ingestion/v1/reprocess_service.pb.h"

#include "common/clock/clock.h"
#include "services/ingestion/reprocess/reprocess_store.h"
#include "services/ingestion/stream/stream_store.h"

namespace tarn::ingestion {

class ReprocessManager {
 public:
  // `notify` is called when there is a new one.
  ReprocessManager(ReprocessStore& store, StreamStore& streams, Clock& clock,
                   std::function<void()> notify)
      : store_(store), streams_(streams), clock_(clock), notify_(std::move(notify)) {}

  absl::StatusOr<v1::Reprocess> Start(const RequestContext& context,
                                      const v1::StartReprocessRequest& request);
  absl::StatusOr<v1::Reprocess> Get(const std::string& workspace,
                                    const v1::GetReprocessRequest& request,
                                    const std::function<bool()>& is_cancelled);
  absl::StatusOr<v1::ListReprocessesResponse> List(const std::string& workspace,
                                                   const v1::ListReprocessesRequest& request);
  absl::StatusOr<v1::Reprocess> Cancel(const std::string& workspace,
                                       const v1::CancelReprocessRequest& request);

 private:
  absl::StatusOr<ReprocessJob> Find(const std::string& workspace, const std::string& name);

  ReprocessStore& store_;
  StreamStore& streams_;
  Clock& clock_;
  const std::function<void()> notify_;
};

}  // namespace tarn::ingestion

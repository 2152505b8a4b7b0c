// Why the columns of crawled tables have their types, over gRPC. Synchronous; any number of
// threads. What it refers to outlives it.
#pragma once

#include "tarn/catalog/v1/crawl_explanation_service.grpc.pb.h"

#include "common/rpc/call_handler.h"
#include "services/catalog/storage.h"

namespace tarn::catalog {

class CrawlExplanationService final : public v1::CrawlExplanationService::Service {
 public:
  CrawlExplanationService(rpc::CallHandlerOptions handler, Storage& storage)
      : handler_(std::move(handler)), storage_(storage) {}

  grpc::Status ListColumnExplanations(grpc::ServerContext* context,
                                      const v1::ListColumnExplanationsRequest* request,
                                      v1::ListColumnExplanationsResponse* response) override;

 private:
  rpc::CallHandler handler_;
  Storage& storage_;
};

}  // namespace tarn::catalog

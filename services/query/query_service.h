// Query's RPCs: decode, check the shape, call the manager, encode.
#pragma once

#include "tarn/query/v1/query_service.grpc.pb.h"

#include "common/rpc/call_handler.h"
#include "services/query/query_manager.h"

namespace tarn {
class StorageOpener;
}

namespace tarn::query {

class QueryServiceImpl final : public ::tarn::query::v1::QueryService::Service {
 public:
  // `storage` outlives it.
  QueryServiceImpl(const StorageOpener& storage, const rpc::CallHandlerOptions& options)
      : storage_(storage), handler_(options) {}
  // Before the first call.
  void set_manager(QueryManager* manager) { manager_ = manager; }

  grpc::Status StartQuery(grpc::ServerContext* context,
                          const ::tarn::query::v1::StartQueryRequest* request,
                          ::tarn::query::v1::Query* response) override;
  grpc::Status GetQuery(grpc::ServerContext* context,
                        const ::tarn::query::v1::GetQueryRequest* request,
                        ::tarn::query::v1::Query* response) override;
  grpc::Status CancelQuery(grpc::ServerContext* context,
                           const ::tarn::query::v1::CancelQueryRequest* request,
                           ::tarn::query::v1::Query* response) override;
  grpc::Status ListQueries(grpc::ServerContext* context,
                           const ::tarn::query::v1::ListQueriesRequest* request,
                           ::tarn::query::v1::ListQueriesResponse* response) override;
  grpc::Status FetchResults(grpc::ServerContext* context,
                            const ::tarn::query::v1::FetchResultsRequest* request,
                            grpc::ServerWriter<::tarn::query::v1::ResultChunk>* writer) override;
  grpc::Status ExecuteQuery(grpc::ServerContext* context,
                            const ::tarn::query::v1::ExecuteQueryRequest* request,
                            grpc::ServerWriter<::tarn::query::v1::ResultChunk>* writer) override;

 private:
  // For methods that need the tables, which is all of them: UNAVAILABLE until they are open.
  grpc::Status Handle(grpc::ServerContext* context, rpc::MethodInfo method,
                      absl::FunctionRef<absl::Status(const rpc::CallContext&)> body) const;

  const StorageOpener& storage_;
  const rpc::CallHandler handler_;
  QueryManager* manager_ = nullptr;
};

}  // namespace tarn::query

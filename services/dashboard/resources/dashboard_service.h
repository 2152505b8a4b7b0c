// DashboardService over gRPC: decodes, calls the managers and the renderer, encodes.
#pragma once

#include "tarn/dashboard/v1/dashboard_service.grpc.pb.h"

#include "common/rpc/call_handler.h"
#include "services/dashboard/resources/resource_kinds.h"

namespace tarn {
class StorageOpener;
}

namespace tarn::dashboard {

class DashboardRenderer;

// Thread safe. All that is referred to must outlive it.
class DashboardServiceImpl final : public v1::DashboardService::Service {
 public:
  DashboardServiceImpl(DatasetManager& datasets, DashboardManager& dashboards,
                       DashboardRenderer& renderer, const StorageOpener& storage,
                       rpc::CallHandlerOptions handler)
      : datasets_(datasets),
        dashboards_(dashboards),
        renderer_(renderer),
        storage_(storage),
        handler_(std::move(handler)) {}

  grpc::Status CreateDataset(grpc::ServerContext* context, const v1::CreateDatasetRequest* request,
                             v1::Dataset* response) override;
  grpc::Status GetDataset(grpc::ServerContext* context, const v1::GetDatasetRequest* request,
                          v1::Dataset* response) override;
  grpc::Status ListDatasets(grpc::ServerContext* context, const v1::ListDatasetsRequest* request,
                            v1::ListDatasetsResponse* response) override;
  grpc::Status UpdateDataset(grpc::ServerContext* context, const v1::UpdateDatasetRequest* request,
                             v1::Dataset* response) override;
  grpc::Status DeleteDataset(grpc::ServerContext* context, const v1::DeleteDatasetRequest* request,
                             v1::DeleteDatasetResponse* response) override;
  grpc::Status CreateDashboard(grpc::ServerContext* context,
                               const v1::CreateDashboardRequest* request,
                               v1::Dashboard* response) override;
  grpc::Status GetDashboard(grpc::ServerContext* context, const v1::GetDashboardRequest* request,
                            v1::Dashboard* response) override;
  grpc::Status ListDashboards(grpc::ServerContext* context,
                              const v1::ListDashboardsRequest* request,
                              v1::ListDashboardsResponse* response) override;
  grpc::Status UpdateDashboard(grpc::ServerContext* context,
                               const v1::UpdateDashboardRequest* request,
                               v1::Dashboard* response) override;
  grpc::Status DeleteDashboard(grpc::ServerContext* context,
                               const v1::DeleteDashboardRequest* request,
                               v1::DeleteDashboardResponse* response) override;
  grpc::Status RenderDashboard(grpc::ServerContext* context,
                               const v1::RenderDashboardRequest* request,
                               v1::RenderDashboardResponse* response) override;

 private:
  grpc::Status Handle(grpc::ServerContext* context, rpc::MethodInfo method,
                      absl::FunctionRef<absl::Status(const rpc::CallContext&)> body) const;

  DatasetManager& datasets_;
  DashboardManager& dashboards_;
  DashboardRenderer& renderer_;
  const StorageOpener& storage_;
  const rpc::CallHandler handler_;
};

}  // namespace tarn::dashboard

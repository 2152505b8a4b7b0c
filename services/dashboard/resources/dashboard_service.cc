#include "services/dashboard/resources/dashboard_service.h"

#include <set>
#include <string>
#include <vector>

#include "common/page_token/page_token.h"
#include "common/postgres/storage_opener.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/dashboard/render/dashboard_renderer.h"

namespace tarn::dashboard {
namespace {

using rpc::Access;
using rpc::CallContext;

template <typename Request>
ChangeRequest ChangeOf(const CallContext& call, std::string_view method, const Request& request) {
  return {call.caller, method, request.request_id(), request};
}

// Reads one page; `add` takes each resource.
template <typename Proto, typename Request, typename Response, typename Add>
absl::Status ListPage(ResourceManager<Proto>& manager, const CallContext& call,
                      std::string_view method, const Request& request, Response* response,
                      Add add) {
  const std::string query = QueryFingerprint({method, call.caller.workspace});
  TARN_ASSIGN_OR_RETURN(std::string after, DecodePageToken(query, request.page_token()));
  TARN_ASSIGN_OR_RETURN(int size, PageSize(request.page_size()));
  TARN_ASSIGN_OR_RETURN(std::vector<Proto> found,
                        manager.List(call.caller.workspace, after, size + 1));
  const bool more = found.size() > static_cast<size_t>(size);
  if (more) found.resize(static_cast<size_t>(size));
  if (more) {
    TARN_ASSIGN_OR_RETURN(std::string last, manager.IdOf(found.back().name()));
    response->set_next_page_token(EncodePageToken(query, last));
  }
  for (Proto& resource : found) *add() = std::move(resource);
  return absl::OkStatus();
}

// Those that the dashboard names; one that is gone in the meantime is left out.
absl::StatusOr<DatasetsByName> DatasetsOf(const v1::Dashboard& dashboard, DatasetManager& manager,
                                          const std::string& workspace) {
  std::set<std::string> names;
  for (const v1::Visual& visual : dashboard.visuals()) names.insert(visual.dataset());
  for (const v1::Filter& filter : dashboard.filters()) {
    if (!filter.dataset().empty()) names.insert(filter.dataset());
  }
  DatasetsByName datasets;
  for (const std::string& name : names) {
    absl::StatusOr<v1::Dataset> dataset = manager.Get(workspace, name);
    if (dataset.ok()) {
      datasets.emplace(name, *std::move(dataset));
    } else if (dataset.status().code() != absl::StatusCode::kNotFound) {
      return dataset.status();
    }
  }
  return datasets;
}

}  // namespace

grpc::Status DashboardServiceImpl::Handle(
    grpc::ServerContext* context, rpc::MethodInfo method,
    absl::FunctionRef<absl::Status(const CallContext&)> body) const {
  return handler_.Handle(context, method, [&](const CallContext& call) -> absl::Status {
    TARN_RETURN_IF_ERROR(storage_.Check());
    return body(call);
  });
}

grpc::Status DashboardServiceImpl::CreateDataset(grpc::ServerContext* context,
                                                 const v1::CreateDatasetRequest* request,
                                                 v1::Dataset* response) {
  return Handle(
      context, {"CreateDataset", Access::kWrite}, [&](const CallContext& call) -> absl::Status {
        TARN_ASSIGN_OR_RETURN(*response, datasets_.Create(ChangeOf(call, "CreateDataset", *request),
                                                          request->dataset()));
        return absl::OkStatus();
      });
}

grpc::Status DashboardServiceImpl::GetDataset(grpc::ServerContext* context,
                                              const v1::GetDatasetRequest* request,
                                              v1::Dataset* response) {
  return Handle(
      context, {"GetDataset", Access::kRead}, [&](const CallContext& call) -> absl::Status {
        TARN_ASSIGN_OR_RETURN(*response, datasets_.Get(call.caller.workspace, request->name()));
        return absl::OkStatus();
      });
}

grpc::Status DashboardServiceImpl::ListDatasets(grpc::ServerContext* context,
                                                const v1::ListDatasetsRequest* request,
                                                v1::ListDatasetsResponse* response) {
  return Handle(context, {"ListDatasets", Access::kRead},
                [&](const CallContext& call) -> absl::Status {
                  return ListPage(datasets_, call, "ListDatasets", *request, response,
                                  [&] { return response->add_datasets(); });
                });
}

grpc::Status DashboardServiceImpl::UpdateDataset(grpc::ServerContext* context,
                                                 const v1::UpdateDatasetRequest* request,
                                                 v1::Dataset* response) {
  return Handle(context, {"UpdateDataset", Access::kWrite},
                [&](const CallContext& call) -> absl::Status {
                  TARN_ASSIGN_OR_RETURN(
                      *response, datasets_.Update(ChangeOf(call, "UpdateDataset", *request),
                                                  request->dataset(), request->update_mask()));
                  return absl::OkStatus();
                });
}

grpc::Status DashboardServiceImpl::DeleteDataset(grpc::ServerContext* context,
                                                 const v1::DeleteDatasetRequest* request,
                                                 v1::DeleteDatasetResponse*) {
  return Handle(context, {"DeleteDataset", Access::kWrite},
                [&](const CallContext& call) -> absl::Status {
                  return datasets_.Delete(ChangeOf(call, "DeleteDataset", *request),
                                          request->name(), request->etag());
                });
}

grpc::Status DashboardServiceImpl::CreateDashboard(grpc::ServerContext* context,
                                                   const v1::CreateDashboardRequest* request,
                                                   v1::Dashboard* response) {
  return Handle(
      context, {"CreateDashboard", Access::kWrite}, [&](const CallContext& call) -> absl::Status {
        TARN_ASSIGN_OR_RETURN(
            *response,
            dashboards_.Create(ChangeOf(call, "CreateDashboard", *request), request->dashboard()));
        return absl::OkStatus();
      });
}

grpc::Status DashboardServiceImpl::GetDashboard(grpc::ServerContext* context,
                                                const v1::GetDashboardRequest* request,
                                                v1::Dashboard* response) {
  return Handle(
      context, {"GetDashboard", Access::kRead}, [&](const CallContext& call) -> absl::Status {
        TARN_ASSIGN_OR_RETURN(*response, dashboards_.Get(call.caller.workspace, request->name()));
        return absl::OkStatus();
      });
}

grpc::Status DashboardServiceImpl::ListDashboards(grpc::ServerContext* context,
                                                  const v1::ListDashboardsRequest* request,
                                                  v1::ListDashboardsResponse* response) {
  return Handle(context, {"ListDashboards", Access::kRead},
                [&](const CallContext& call) -> absl::Status {
                  return ListPage(dashboards_, call, "ListDashboards", *request, response,
                                  [&] { return response->add_dashboards(); });
                });
}

grpc::Status DashboardServiceImpl::UpdateDashboard(grpc::ServerContext* context,
                                                   const v1::UpdateDashboardRequest* request,
                                                   v1::Dashboard* response) {
  return Handle(context, {"UpdateDashboard", Access::kWrite},
                [&](const CallContext& call) -> absl::Status {
                  TARN_ASSIGN_OR_RETURN(
                      *response, dashboards_.Update(ChangeOf(call, "UpdateDashboard", *request),
                                                    request->dashboard(), request->update_mask()));
                  return absl::OkStatus();
                });
}

grpc::Status DashboardServiceImpl::DeleteDashboard(grpc::ServerContext* context,
                                                   const v1::DeleteDashboardRequest* request,
                                                   v1::DeleteDashboardResponse*) {
  return Handle(context, {"DeleteDashboard", Access::kWrite},
                [&](const CallContext& call) -> absl::Status {
                  return dashboards_.Delete(ChangeOf(call, "DeleteDashboard", *request),
                                            request->name(), request->etag());
                });
}

grpc::Status DashboardServiceImpl::RenderDashboard(grpc::ServerContext* context,
                                                   const v1::RenderDashboardRequest* request,
                                                   v1::RenderDashboardResponse* response) {
  return Handle(
      context, {"RenderDashboard", Access::kRead}, [&](const CallContext& call) -> absl::Status {
        const std::string& workspace = call.caller.workspace;
        TARN_ASSIGN_OR_RETURN(v1::Dashboard dashboard, dashboards_.Get(workspace, request->name()));
        TARN_ASSIGN_OR_RETURN(DatasetsByName datasets, DatasetsOf(dashboard, datasets_, workspace));
        TARN_ASSIGN_OR_RETURN(*response, renderer_.Render(call, *request, dashboard, datasets));
        return absl::OkStatus();
      });
}

}  // namespace tarn::dashboard

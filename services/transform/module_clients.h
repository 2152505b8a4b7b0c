// Stubs of the modules that transform calls. Made once the channels exist (Module::Start or later).
#pragma once

#include <memory>

#include "tarn/alerting/v1/alerting_service.grpc.pb.h"
#include "tarn/catalog/v1/catalog_service.grpc.pb.h"
#include "tarn/query/v1/query_service.grpc.pb.h"

#include "common/rpc/service_directory.h"

namespace tarn::transform {

// Stubs are thread safe.
struct ModuleClients {
  explicit ModuleClients(rpc::ServiceDirectory& services)
      : catalog(tarn::catalog::v1::CatalogService::NewStub(services.ChannelFor("catalog"))),
        query(tarn::query::v1::QueryService::NewStub(services.ChannelFor("query"))),
        alerting(tarn::alerting::v1::AlertingService::NewStub(services.ChannelFor("alerting"))) {}

  const std::unique_ptr<tarn::catalog::v1::CatalogService::Stub> catalog;
  const std::unique_ptr<tarn::query::v1::QueryService::Stub> query;
  const std::unique_ptr<tarn::alerting::v1::AlertingService::Stub> alerting;
};

}  // namespace tarn::transform

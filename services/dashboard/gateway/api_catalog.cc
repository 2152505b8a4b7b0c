#include "services/dashboard/gateway/api_catalog.h"

#include <algorithm>
#include <iterator>

#include <absl/strings/str_join.h>
#include <google/protobuf/descriptor.h>

#include "tarn/alerting/v1/alerting_service.pb.h"
#include "tarn/catalog/v1/catalog_service.pb.h"
#include "tarn/catalog/v1/crawl_explanation_service.pb.h"
#include "tarn/catalog/v1/governance_service.pb.h"
#include "tarn/catalog/v1/history_service.pb.h"
#include "tarn/dashboard/v1/auth_service.pb.h"
#include "tarn/dashboard/v1/dashboard_service.pb.h"
#include "tarn/ingestion/v1/activity_service.pb.h"
#include "tarn/ingestion/v1/connector_service.pb.h"
#include "tarn/ingestion/v1/device_registry_service.pb.h"
#include "tarn/ingestion/v1/ingestion_service.pb.h"
#include "tarn/ingestion/v1/reprocess_service.pb.h"
#include "tarn/query/v1/query_service.pb.h"
#include "tarn/transform/v1/transform_service.pb.h"

namespace tarn::dashboard {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::DescriptorPool;
using google::protobuf::FileDescriptor;
using google::protobuf::MethodDescriptor;

constexpr std::string_view kModules[] = {"alerting",  "catalog", "dashboard",
                                         "ingestion", "query",   "transform"};

// One message of each file with services: naming it links the file.
std::vector<const FileDescriptor*> ServiceFiles() {
  std::vector<const FileDescriptor*> files;
  for (const Descriptor* message :
       {alerting::v1::ListRulesRequest::descriptor(), catalog::v1::GetTableRequest::descriptor(),
        catalog::v1::GetGrantRequest::descriptor(),
        catalog::v1::ListColumnExplanationsRequest::descriptor(),
        catalog::v1::ListTagsRequest::descriptor(), v1::GetCallerRequest::descriptor(),
        v1::RenderDashboardRequest::descriptor(), ingestion::v1::GetConnectorRequest::descriptor(),
        ingestion::v1::GetDeviceRequest::descriptor(),
        ingestion::v1::PreviewActivitiesRequest::descriptor(),
        ingestion::v1::PutRecordsRequest::descriptor(),
        ingestion::v1::StartReprocessRequest::descriptor(),
        query::v1::ExecuteQueryRequest::descriptor(),
        transform::v1::StartRunRequest::descriptor()}) {
    files.push_back(message->file());
  }
  return files;
}

}  // namespace

const std::vector<std::string>& ApiServices() {
  static const auto* const kServices = [] {
    auto* names = new std::vector<std::string>();
    for (const FileDescriptor* file : ServiceFiles()) {
      for (int i = 0; i < file->service_count(); ++i) {
        names->push_back(file->service(i)->full_name());
      }
    }
    std::sort(names->begin(), names->end());
    return names;
  }();
  return *kServices;
}

std::optional<std::string> ModuleOfPath(std::string_view path) {
  constexpr std::string_view kPrefix = "/tarn.";
  if (!path.starts_with(kPrefix)) return std::nullopt;
  path.remove_prefix(kPrefix.size());
  std::string module(path.substr(0, path.find('.')));
  if (std::find(std::begin(kModules), std::end(kModules), module) == std::end(kModules) ||
      !path.substr(module.size()).starts_with(".v1.")) {
    return std::nullopt;
  }
  return module;
}

const MethodDescriptor* FindMethod(std::string_view path) {
  const std::vector<std::string>& services = ApiServices();
  const size_t slash = path.rfind('/');
  if (slash == std::string_view::npos || slash == 0) return nullptr;
  std::string service(path.substr(1, slash - 1));
  if (!std::binary_search(services.begin(), services.end(), service)) return nullptr;
  return DescriptorPool::generated_pool()->FindServiceByName(service)->FindMethodByName(
      std::string(path.substr(slash + 1)));
}

std::string UnknownPathMessage(std::string_view path) {
  return "there is no method " + std::string(path) +
         "; the services are: " + absl::StrJoin(ApiServices(), ", ");
}

}  // namespace tarn::dashboard

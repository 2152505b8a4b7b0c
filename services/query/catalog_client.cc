#include "services/query/catalog_client.h"

#include <grpcpp/grpcpp.h>

#include "tarn/catalog/v1/catalog_service.grpc.pb.h"

#include "common/names/names.h"
#include "common/rpc/client.h"
#include "common/rpc/status_conversion.h"
#include "common/status/status_macros.h"

namespace tarn::query {

namespace catalog = ::tarn::catalog::v1;
using Service = catalog::CatalogService;

namespace {
// The end of the process waits for it.
constexpr absl::Duration kListTimeout = absl::Seconds(3);
}  // namespace

struct CatalogClient::Stub {
  explicit Stub(const std::shared_ptr<grpc::Channel>& channel)
      : service(Service::NewStub(channel)) {}
  std::unique_ptr<Service::Stub> service;
};

CatalogClient::CatalogClient(std::shared_ptr<grpc::Channel> channel)
    : stub_(std::make_unique<Stub>(channel)) {}
CatalogClient::~CatalogClient() = default;

absl::StatusOr<catalog::Table> CatalogClient::GetTable(const std::string& database,
                                                       const std::string& table,
                                                       const rpc::Credentials& credentials) {
  catalog::GetTableRequest request;
  request.set_name(names::Table(database, table));
  return rpc::Call(*stub_->service, &Service::Stub::GetTable, request, credentials);
}

absl::StatusOr<PlannedScan> CatalogClient::PlanScan(const catalog::PlanScanRequest& request,
                                                    const rpc::Credentials& credentials) {
  grpc::ClientContext context;
  rpc::PrepareContext(context, credentials);
  auto reader = stub_->service->PlanScan(&context, request);
  PlannedScan scan;
  catalog::PlanScanResponse response;
  bool first = true;
  while (reader->Read(&response)) {
    if (first) {
      scan.table = std::move(*response.mutable_table());
      scan.pruned_file_count = response.pruned_file_count();
      first = false;
    }
    for (catalog::DataFile& file : *response.mutable_files()) scan.files.push_back(std::move(file));
  }
  TARN_RETURN_IF_ERROR(rpc::FromGrpcStatus(reader->Finish()));
  return scan;
}

absl::StatusOr<catalog::CommitTableResponse> CatalogClient::CommitTable(
    const catalog::CommitTableRequest& request, const rpc::Credentials& credentials) {
  return rpc::RetryUnavailable({}, [&] {
    return rpc::Call(*stub_->service, &Service::Stub::CommitTable, request, credentials);
  });
}

absl::StatusOr<catalog::ListSnapshotsResponse> CatalogClient::ListSnapshots(
    const catalog::ListSnapshotsRequest& request, const rpc::Credentials& credentials) {
  return rpc::Call(*stub_->service, &Service::Stub::ListSnapshots, request, credentials,
                   {.timeout = kListTimeout});
}

absl::StatusOr<catalog::Table> CatalogClient::CreateTable(
    const catalog::CreateTableRequest& request, const rpc::Credentials& credentials) {
  return rpc::RetryUnavailable({}, [&] {
    return rpc::Call(*stub_->service, &Service::Stub::CreateTable, request, credentials);
  });
}

absl::StatusOr<catalog::Table> CatalogClient::UpdateTable(
    const catalog::UpdateTableRequest& request, const rpc::Credentials& credentials) {
  return rpc::RetryUnavailable({}, [&] {
    return rpc::Call(*stub_->service, &Service::Stub::UpdateTable, request, credentials);
  });
}

absl::Status CatalogClient::DeleteTable(const std::string& name, const std::string& request_id,
                                        const rpc::Credentials& credentials) {
  catalog::DeleteTableRequest request;
  request.set_name(name);
  request.set_request_id(request_id);
  return rpc::Call(*stub_->service, &Service::Stub::DeleteTable, request, credentials).status();
}

absl::Status CatalogClient::CreateDatabase(const std::string& database,
                                           const std::string& request_id,
                                           const rpc::Credentials& credentials) {
  catalog::CreateDatabaseRequest request;
  request.mutable_database()->set_name(names::Database(database));
  request.set_request_id(request_id);
  return rpc::Call(*stub_->service, &Service::Stub::CreateDatabase, request, credentials).status();
}

absl::Status CatalogClient::DeleteDatabase(const std::string& database,
                                           const std::string& request_id,
                                           const rpc::Credentials& credentials) {
  catalog::DeleteDatabaseRequest request;
  request.set_name(names::Database(database));
  request.set_request_id(request_id);
  return rpc::Call(*stub_->service, &Service::Stub::DeleteDatabase, request, credentials).status();
}

absl::StatusOr<std::vector<catalog::Database>> CatalogClient::ListDatabases(
    const rpc::Credentials& credentials) {
  std::vector<catalog::Database> databases;
  catalog::ListDatabasesRequest request;
  request.set_page_size(1000);
  do {
    TARN_ASSIGN_OR_RETURN(
        catalog::ListDatabasesResponse response,
        rpc::Call(*stub_->service, &Service::Stub::ListDatabases, request, credentials));
    for (catalog::Database& database : *response.mutable_databases())
      databases.push_back(std::move(database));
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty());
  return databases;
}

absl::StatusOr<std::vector<catalog::Table>> CatalogClient::ListTables(
    const std::string& database, const rpc::Credentials& credentials) {
  std::vector<catalog::Table> tables;
  catalog::ListTablesRequest request;
  request.set_parent("databases/" + database);
  request.set_page_size(1000);
  do {
    TARN_ASSIGN_OR_RETURN(
        catalog::ListTablesResponse response,
        rpc::Call(*stub_->service, &Service::Stub::ListTables, request, credentials));
    for (catalog::Table& table : *response.mutable_tables()) tables.push_back(std::move(table));
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty());
  return tables;
}

}  // namespace tarn::query

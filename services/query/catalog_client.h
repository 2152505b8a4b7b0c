// What query asks of the catalog, over gRPC, with the caller's token. Thread safe.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "tarn/catalog/v1/catalog_service.pb.h"

#include "common/rpc/credentials.h"

namespace grpc {
class Channel;
}

namespace tarn::query {

// A table at one snapshot and the files that must be read for it.
struct PlannedScan {
  ::tarn::catalog::v1::Table table;
  std::vector<::tarn::catalog::v1::DataFile> files;
  int64_t pruned_file_count = 0;
};

class CatalogClient {
 public:
  explicit CatalogClient(std::shared_ptr<grpc::Channel> channel);
  ~CatalogClient();

  absl::StatusOr<::tarn::catalog::v1::Table> GetTable(const std::string& database,
                                                      const std::string& table,
                                                      const rpc::Credentials& credentials);
  absl::StatusOr<PlannedScan> PlanScan(const ::tarn::catalog::v1::PlanScanRequest& request,
                                       const rpc::Credentials& credentials);
  // Tries again while the outcome is not known: the request's id makes that safe.
  absl::StatusOr<::tarn::catalog::v1::CommitTableResponse> CommitTable(
      const ::tarn::catalog::v1::CommitTableRequest& request, const rpc::Credentials& credentials);
  // A page of a table's snapshots, the newest first. Asked once, and not for long.
  absl::StatusOr<::tarn::catalog::v1::ListSnapshotsResponse> ListSnapshots(
      const ::tarn::catalog::v1::ListSnapshotsRequest& request,
      const rpc::Credentials& credentials);
  absl::StatusOr<::tarn::catalog::v1::Table> CreateTable(
      const ::tarn::catalog::v1::CreateTableRequest& request, const rpc::Credentials& credentials);
  absl::StatusOr<::tarn::catalog::v1::Table> UpdateTable(
      const ::tarn::catalog::v1::UpdateTableRequest& request, const rpc::Credentials& credentials);
  absl::Status DeleteTable(const std::string& name, const std::string& request_id,
                           const rpc::Credentials& credentials);
  absl::Status CreateDatabase(const std::string& database, const std::string& request_id,
                              const rpc::Credentials& credentials);
  absl::Status DeleteDatabase(const std::string& database, const std::string& request_id,
                              const rpc::Credentials& credentials);
  absl::StatusOr<std::vector<::tarn::catalog::v1::Database>> ListDatabases(
      const rpc::Credentials& credentials);
  // "-" for the tables of all databases.
  absl::StatusOr<std::vector<::tarn::catalog::v1::Table>> ListTables(
      const std::string& database, const rpc::Credentials& credentials);

 private:
  struct Stub;
  const std::unique_ptr<Stub> stub_;
};

}  // namespace tarn::query

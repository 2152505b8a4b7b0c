// A catalog in memory, served over an in-process channel, for tests of what runs statements: it
// keeps tables, snapshots and files by the rules of the real one that matter to a statement, and
// can lose an answer or let something happen in between. Thread safe.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <grpcpp/grpcpp.h>

#include "tarn/catalog/v1/catalog_service.grpc.pb.h"

namespace tarn::query {

class FakeCatalog final : public ::tarn::catalog::v1::CatalogService::Service {
 public:
  FakeCatalog();
  ~FakeCatalog() override;

  std::shared_ptr<grpc::Channel> channel() const { return channel_; }

  // Called, without a lock held, when a call of that name ("PlanScan") begins.
  void OnCall(std::function<void(const std::string& method)> on_call);
  // The next commit is made, but its answer is UNAVAILABLE; so are those of the calls after it.
  void LoseNextCommitAnswer(int calls = 1);
  // Adds a snapshot that changes nothing.
  void Touch(const std::string& table);

  // Of `databases/{database}/tables/{table}`, oldest first.
  std::vector<::tarn::catalog::v1::Snapshot> SnapshotsOf(const std::string& table);
  // Those that made a snapshot, in order.
  std::vector<::tarn::catalog::v1::CommitTableRequest> commits();
  std::vector<::tarn::catalog::v1::PlanScanRequest> scans();

  grpc::Status GetTable(grpc::ServerContext* context,
                        const ::tarn::catalog::v1::GetTableRequest* request,
                        ::tarn::catalog::v1::Table* response) override;
  grpc::Status CreateTable(grpc::ServerContext* context,
                           const ::tarn::catalog::v1::CreateTableRequest* request,
                           ::tarn::catalog::v1::Table* response) override;
  grpc::Status PlanScan(grpc::ServerContext* context,
                        const ::tarn::catalog::v1::PlanScanRequest* request,
                        grpc::ServerWriter<::tarn::catalog::v1::PlanScanResponse>* writer) override;
  grpc::Status CommitTable(grpc::ServerContext* context,
                           const ::tarn::catalog::v1::CommitTableRequest* request,
                           ::tarn::catalog::v1::CommitTableResponse* response) override;

  grpc::Status ListSnapshots(grpc::ServerContext* context,
                             const ::tarn::catalog::v1::ListSnapshotsRequest* request,
                             ::tarn::catalog::v1::ListSnapshotsResponse* response) override;

 private:
  struct File {
    ::tarn::catalog::v1::DataFile file;
    int64_t removed_seq = 0;  // 0: live
  };
  struct Entry {
    ::tarn::catalog::v1::Table table;
    std::vector<File> files;
    std::vector<::tarn::catalog::v1::Snapshot> snapshots;
    std::map<std::string, ::tarn::catalog::v1::Snapshot> by_request;
  };

  void Called(const char* method);
  // The rest needs mutex_.
  absl::StatusOr<Entry*> Find(const std::string& name);
  absl::Status Commit(const ::tarn::catalog::v1::CommitTableRequest& request,
                      ::tarn::catalog::v1::CommitTableResponse* response);
  static void AddSnapshot(Entry& entry, ::tarn::catalog::v1::SnapshotOperation operation);

  std::mutex mutex_;
  std::function<void(const std::string&)> on_call_;
  int answers_to_lose_ = 0;
  std::map<std::string, Entry> tables_;
  std::vector<::tarn::catalog::v1::CommitTableRequest> commits_;
  std::vector<::tarn::catalog::v1::PlanScanRequest> scans_;
  std::unique_ptr<grpc::Server> server_;
  std::shared_ptr<grpc::Channel> channel_;
};

}  // namespace tarn::query

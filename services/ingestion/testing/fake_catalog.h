// A catalog in memory: tables, commits with their ranges of a log, refused on gap and overlap as
// the real one does, and commits that take files away; tables grow as they do there. Scans give
// every file, with its statistics. It can fail, and lose an answer after having committed. Thread
// safe.
#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include <absl/status/status.h>

#include "tarn/catalog/v1/catalog_service.grpc.pb.h"

#include "common/table_schema/engine_types.h"

namespace tarn::ingestion {

class FakeCatalog : public catalog::v1::CatalogService::Service {
 public:
  // Every call fails with `error` until it is OK again.
  void FailWith(absl::Status error);
  // Calls about this table fail with `error` until it is OK again.
  void FailTableWith(const std::string& table, absl::Status error);
  // The next so many calls about this table fail as UNAVAILABLE.
  void FailNextCalls(const std::string& table, int count);
  // The next commit is done, and answered as UNAVAILABLE.
  void LoseNextAnswer();
  // The next commit waits until ReleaseCommit, or half a minute.
  void HoldNextCommit();
  // Whether it has come, after a wait of at most half a minute.
  bool WaitForHeldCommit();
  void ReleaseCommit();
  // Field ids up to this one were used by columns that were dropped.
  void SetLastFieldId(int id);

  // All files that were committed.
  std::vector<catalog::v1::DataFile> Files(const std::string& table) const;
  catalog::v1::Table TableOf(const std::string& table) const;
  bool HasTable(const std::string& table) const;
  // As another writer does who writes the file anew: it is under another path from now on.
  void MoveFile(const std::string& table, const std::string& path, const std::string& new_path);
  // As if its files were of an age that kept none.
  void ForgetStatistics(const std::string& table);
  int commit_count() const;
  // The tables that were committed to, in order.
  std::vector<std::string> commits() const;
  void Drop(const std::string& table);

  grpc::Status CreateTable(grpc::ServerContext*, const catalog::v1::CreateTableRequest*,
                           catalog::v1::Table*) override;
  grpc::Status GetTable(grpc::ServerContext*, const catalog::v1::GetTableRequest*,
                        catalog::v1::Table*) override;
  grpc::Status CommitTable(grpc::ServerContext*, const catalog::v1::CommitTableRequest*,
                           catalog::v1::CommitTableResponse*) override;
  grpc::Status GetLogPosition(grpc::ServerContext*, const catalog::v1::GetLogPositionRequest*,
                              catalog::v1::GetLogPositionResponse*) override;
  grpc::Status PlanScan(grpc::ServerContext*, const catalog::v1::PlanScanRequest*,
                        grpc::ServerWriter<catalog::v1::PlanScanResponse>*) override;

 private:
  struct Entry {
    catalog::v1::Table table;
    int last_field_id = 0;
    std::vector<catalog::v1::DataFile> files;
    std::map<std::string, int64_t> positions;                         // by log
    std::map<std::string, catalog::v1::CommitTableResponse> answers;  // by request id
  };
  // Under the lock: whether a call about the table is to fail.
  absl::Status ErrorFor(const std::string& table);
  // `columns` by what the commit adds and widens.
  absl::Status Grow(const catalog::v1::CommitTableRequest& request, const Entry& entry,
                    table_schema::Fields& columns) const;
  absl::Status Commit(const catalog::v1::CommitTableRequest& request,
                      catalog::v1::CommitTableResponse* response);

  mutable std::mutex mutex_;
  absl::Status error_;
  std::map<std::string, absl::Status> table_errors_;
  std::map<std::string, int> failing_calls_;  // how many are left
  bool lose_next_answer_ = false;
  enum class Hold { kNone, kNext, kHeld };
  Hold hold_ = Hold::kNone;
  std::condition_variable hold_changed_;
  int last_field_id_ = 0;
  std::vector<std::string> commits_;
  std::map<std::string, Entry> tables_;
};

}  // namespace tarn::ingestion

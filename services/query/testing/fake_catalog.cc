#include "services/query/testing/fake_catalog.h"

#include <algorithm>

#include <google/protobuf/util/time_util.h>

#include "common/lake/lake_paths.h"
#include "common/names/names.h"
#include "common/rpc/status_conversion.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"

namespace tarn::query {

namespace v1 = ::tarn::catalog::v1;

FakeCatalog::FakeCatalog() {
  grpc::ServerBuilder builder;
  builder.RegisterService(this);
  server_ = builder.BuildAndStart();
  channel_ = server_->InProcessChannel({});
}

FakeCatalog::~FakeCatalog() { server_->Shutdown(); }

void FakeCatalog::OnCall(std::function<void(const std::string&)> on_call) {
  std::lock_guard lock(mutex_);
  on_call_ = std::move(on_call);
}

void FakeCatalog::LoseNextCommitAnswer(int calls) {
  std::lock_guard lock(mutex_);
  answers_to_lose_ = calls;
}

void FakeCatalog::Touch(const std::string& table) {
  std::lock_guard lock(mutex_);
  AddSnapshot(tables_.at(table), v1::SNAPSHOT_OPERATION_APPEND);
}

std::vector<v1::Snapshot> FakeCatalog::SnapshotsOf(const std::string& table) {
  std::lock_guard lock(mutex_);
  return tables_.at(table).snapshots;
}

std::vector<v1::CommitTableRequest> FakeCatalog::commits() {
  std::lock_guard lock(mutex_);
  return commits_;
}

std::vector<v1::PlanScanRequest> FakeCatalog::scans() {
  std::lock_guard lock(mutex_);
  return scans_;
}

void FakeCatalog::Called(const char* method) {
  std::function<void(const std::string&)> on_call;
  {
    std::lock_guard lock(mutex_);
    on_call = on_call_;
  }
  if (on_call) on_call(method);
}

absl::StatusOr<FakeCatalog::Entry*> FakeCatalog::Find(const std::string& name) {
  auto found = tables_.find(name);
  if (found != tables_.end()) return &found->second;
  return NotFound("TABLE_NOT_FOUND", name + " does not exist");
}

void FakeCatalog::AddSnapshot(Entry& entry, v1::SnapshotOperation operation) {
  v1::Snapshot snapshot;
  snapshot.set_sequence_number(static_cast<int64_t>(entry.snapshots.size()) + 1);
  snapshot.set_snapshot_id(1000 + snapshot.sequence_number());
  snapshot.set_operation(operation);
  snapshot.set_schema_id(entry.table.schema().schema_id());
  *snapshot.mutable_commit_time() = google::protobuf::util::TimeUtil::GetCurrentTime();
  entry.snapshots.push_back(snapshot);
  *entry.table.mutable_current_snapshot() = snapshot;
}

grpc::Status FakeCatalog::GetTable(grpc::ServerContext*, const v1::GetTableRequest* request,
                                   v1::Table* response) {
  Called("GetTable");
  std::lock_guard lock(mutex_);
  const absl::StatusOr<Entry*> entry = Find(request->name());
  if (!entry.ok()) return rpc::ToGrpcStatus(entry.status());
  *response = (*entry)->table;
  return grpc::Status::OK;
}

grpc::Status FakeCatalog::CreateTable(grpc::ServerContext*, const v1::CreateTableRequest* request,
                                      v1::Table* response) {
  Called("CreateTable");
  std::lock_guard lock(mutex_);
  auto [entry, made] = tables_.try_emplace(request->table().name());
  if (!made) return rpc::ToGrpcStatus(AlreadyExists("TABLE_EXISTS", "the table exists"));
  entry->second.table = request->table();
  const auto id = names::ParseTable(request->table().name());
  entry->second.table.set_location(
      lake::LakePaths::TableData("default", id->database, id->table, request->table().uid()));
  *response = entry->second.table;
  return grpc::Status::OK;
}

grpc::Status FakeCatalog::PlanScan(grpc::ServerContext*, const v1::PlanScanRequest* request,
                                   grpc::ServerWriter<v1::PlanScanResponse>* writer) {
  Called("PlanScan");
  std::lock_guard lock(mutex_);
  scans_.push_back(*request);
  const absl::StatusOr<Entry*> entry = Find(request->table());
  if (!entry.ok()) return rpc::ToGrpcStatus(entry.status());
  v1::PlanScanResponse response;
  *response.mutable_table() = (*entry)->table;
  if ((*entry)->table.type() == v1::TABLE_TYPE_VIEW) {
    return rpc::ToGrpcStatus(InvalidArgument("WRONG_OPERATION", "a view has no files"));
  }
  int64_t sequence = (*entry)->table.current_snapshot().sequence_number();
  if (request->snapshot_id() != 0) {
    sequence = 0;
    for (const v1::Snapshot& snapshot : (*entry)->snapshots) {
      if (snapshot.snapshot_id() != request->snapshot_id()) continue;
      sequence = snapshot.sequence_number();
      *response.mutable_table()->mutable_current_snapshot() = snapshot;
    }
    if (sequence == 0) return rpc::ToGrpcStatus(NotFound("SNAPSHOT_NOT_FOUND", "no snapshot"));
  }
  writer->Write(response);
  response.Clear();
  for (const File& file : (*entry)->files) {
    if (file.file.added_sequence_number() > sequence) continue;
    if (file.removed_seq != 0 && file.removed_seq <= sequence) continue;
    *response.add_files() = file.file;
  }
  writer->Write(response);
  return grpc::Status::OK;
}

absl::Status FakeCatalog::Commit(const v1::CommitTableRequest& request,
                                 v1::CommitTableResponse* response) {
  if (request.has_create_or_replace() && tables_.count(request.table()) == 0) {
    Entry& made = tables_[request.table()];
    made.table = request.create_or_replace();
    TARN_ASSIGN_OR_RETURN(names::TableId id, names::ParseTable(request.table()));
    made.table.set_location(
        lake::LakePaths::TableData("default", id.database, id.table, made.table.uid()));
  }
  TARN_ASSIGN_OR_RETURN(Entry * entry, Find(request.table()));
  auto replayed = entry->by_request.find(request.request_id());
  if (replayed == entry->by_request.end()) {
    if (request.create_only() && !entry->snapshots.empty()) {
      return AlreadyExists("TABLE_EXISTS", "the table exists");
    }
    const int64_t base = request.base_snapshot_id() == 0 ? 0 : request.base_snapshot_id() - 1000;
    if (request.conflict_filter().whole_table()) {
      for (const File& file : entry->files) {
        if (file.removed_seq == 0 && file.file.added_sequence_number() > base)
          return Aborted("COMMIT_CONFLICT", "files were added since");
      }
    }
    AddSnapshot(*entry, request.operation());
    *entry->snapshots.back().mutable_summary() = request.summary();
    const int64_t sequence = entry->snapshots.back().sequence_number();
    for (File& file : entry->files) {
      const bool named = std::count(request.removed_paths().begin(), request.removed_paths().end(),
                                    file.file.path()) > 0;
      if (file.removed_seq == 0 && (named || request.has_create_or_replace()))
        file.removed_seq = sequence;
    }
    for (const v1::DataFile& added : request.added_files()) {
      entry->files.push_back({added});
      entry->files.back().file.set_added_sequence_number(sequence);
      *entry->files.back().file.mutable_added_time() = entry->snapshots.back().commit_time();
    }
    commits_.push_back(request);
    replayed = entry->by_request.emplace(request.request_id(), entry->snapshots.back()).first;
  }
  *response->mutable_snapshot() = replayed->second;
  *response->mutable_table() = entry->table;
  return absl::OkStatus();
}

grpc::Status FakeCatalog::CommitTable(grpc::ServerContext*, const v1::CommitTableRequest* request,
                                      v1::CommitTableResponse* response) {
  Called("CommitTable");
  std::lock_guard lock(mutex_);
  const absl::Status committed = Commit(*request, response);
  if (answers_to_lose_ > 0) {
    --answers_to_lose_;
    return rpc::ToGrpcStatus(Unavailable("ANSWER_LOST", "the connection broke"));
  }
  return rpc::ToGrpcStatus(committed);
}

grpc::Status FakeCatalog::ListSnapshots(grpc::ServerContext*,
                                        const v1::ListSnapshotsRequest* request,
                                        v1::ListSnapshotsResponse* response) {
  Called("ListSnapshots");
  std::lock_guard lock(mutex_);
  const absl::StatusOr<Entry*> entry = Find(request->parent());
  if (!entry.ok()) return rpc::ToGrpcStatus(entry.status());
  const auto& snapshots = (*entry)->snapshots;
  for (auto it = snapshots.rbegin(); it != snapshots.rend(); ++it) *response->add_snapshots() = *it;
  return grpc::Status::OK;
}

}  // namespace tarn::query

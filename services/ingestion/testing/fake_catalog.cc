#include "services/ingestion/testing/fake_catalog.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include <absl/time/clock.h>

#include "common/ids/ids.h"
#include "common/lake/lake_paths.h"
#include "common/names/names.h"
#include "common/rpc/status_conversion.h"
#include "common/status/error.h"
#include "common/table_schema/engine_types.h"

namespace tarn::ingestion {
namespace {

using catalog::v1::CommitTableRequest;
using catalog::v1::CommitTableResponse;
using catalog::v1::Table;

constexpr std::chrono::seconds kLongestHold(30);

table_schema::Field* FindField(table_schema::Fields& fields, int id) {
  for (table_schema::Field& field : fields) {
    if (field.id() == id) return &field;
    if (auto* below = FindField(*field.mutable_fields(), id); below != nullptr) return below;
  }
  return nullptr;
}

// Whether a bound of the field in one of the files lies beyond what a double holds.
bool HoldsLargeIntegers(const std::vector<catalog::v1::DataFile>& files, int field_id) {
  constexpr int64_t kMaxExactDouble = int64_t{1} << 53;
  for (const catalog::v1::DataFile& file : files) {
    for (const catalog::v1::ColumnStatistics& column : file.columns()) {
      if (column.field_id() != field_id || column.lower_bound().empty()) continue;
      if (std::stoll(column.lower_bound()) < -kMaxExactDouble ||
          std::stoll(column.upper_bound()) > kMaxExactDouble) {
        return true;
      }
    }
  }
  return false;
}

absl::Status TableNotFound(const std::string& name) {
  return NotFound("TABLE_NOT_FOUND", "there is no table " + name);
}

}  // namespace

void FakeCatalog::FailWith(absl::Status error) {
  std::lock_guard lock(mutex_);
  error_ = std::move(error);
}

void FakeCatalog::FailTableWith(const std::string& table, absl::Status error) {
  std::lock_guard lock(mutex_);
  table_errors_[table] = std::move(error);
}

void FakeCatalog::FailNextCalls(const std::string& table, int count) {
  std::lock_guard lock(mutex_);
  failing_calls_[table] = count;
}

absl::Status FakeCatalog::ErrorFor(const std::string& table) {
  if (!error_.ok()) return error_;
  if (const auto error = table_errors_.find(table); error != table_errors_.end()) {
    if (!error->second.ok()) return error->second;
  }
  if (const auto left = failing_calls_.find(table); left != failing_calls_.end()) {
    if (left->second-- > 0) return Unavailable("AWAY", "the catalog is away for " + table);
    failing_calls_.erase(left);
  }
  return absl::OkStatus();
}

void FakeCatalog::LoseNextAnswer() {
  std::lock_guard lock(mutex_);
  lose_next_answer_ = true;
}

void FakeCatalog::HoldNextCommit() {
  std::lock_guard lock(mutex_);
  hold_ = Hold::kNext;
}

bool FakeCatalog::WaitForHeldCommit() {
  std::unique_lock lock(mutex_);
  return hold_changed_.wait_for(lock, kLongestHold, [&] { return hold_ == Hold::kHeld; });
}

void FakeCatalog::ReleaseCommit() {
  std::lock_guard lock(mutex_);
  hold_ = Hold::kNone;
  hold_changed_.notify_all();
}

void FakeCatalog::SetLastFieldId(int id) {
  std::lock_guard lock(mutex_);
  last_field_id_ = id;
}

std::vector<catalog::v1::DataFile> FakeCatalog::Files(const std::string& table) const {
  std::lock_guard lock(mutex_);
  const auto found = tables_.find(table);
  return found == tables_.end() ? std::vector<catalog::v1::DataFile>() : found->second.files;
}

void FakeCatalog::MoveFile(const std::string& table, const std::string& path,
                           const std::string& new_path) {
  std::lock_guard lock(mutex_);
  for (catalog::v1::DataFile& file : tables_[table].files) {
    if (file.path() == path) file.set_path(new_path);
  }
}

Table FakeCatalog::TableOf(const std::string& table) const {
  std::lock_guard lock(mutex_);
  const auto found = tables_.find(table);
  return found == tables_.end() ? Table() : found->second.table;
}

bool FakeCatalog::HasTable(const std::string& table) const {
  std::lock_guard lock(mutex_);
  return tables_.contains(table);
}

void FakeCatalog::ForgetStatistics(const std::string& table) {
  std::lock_guard lock(mutex_);
  for (catalog::v1::DataFile& file : tables_[table].files) file.clear_columns();
}

int FakeCatalog::commit_count() const {
  std::lock_guard lock(mutex_);
  return static_cast<int>(commits_.size());
}

std::vector<std::string> FakeCatalog::commits() const {
  std::lock_guard lock(mutex_);
  return commits_;
}

void FakeCatalog::Drop(const std::string& table) {
  std::lock_guard lock(mutex_);
  tables_.erase(table);
}

grpc::Status FakeCatalog::CreateTable(grpc::ServerContext*,
                                      const catalog::v1::CreateTableRequest* request,
                                      Table* response) {
  std::lock_guard lock(mutex_);
  if (absl::Status error = ErrorFor(request->table().name()); !error.ok()) {
    return rpc::ToGrpcStatus(error);
  }
  const std::string& name = request->table().name();
  if (tables_.contains(name)) {
    return rpc::ToGrpcStatus(AlreadyExists("TABLE_EXISTS", name + " is there already"));
  }
  Entry& entry = tables_[name];
  entry.table = request->table();
  entry.table.set_uid(NewUuid());
  const auto id = names::ParseTable(name);
  entry.table.set_location(
      lake::LakePaths::Table("default", id->database, id->table, entry.table.uid()));
  entry.last_field_id =
      table_schema::AssignFieldIds(*entry.table.mutable_schema()->mutable_fields(), 0);
  *response = entry.table;
  return grpc::Status::OK;
}

grpc::Status FakeCatalog::GetTable(grpc::ServerContext*,
                                   const catalog::v1::GetTableRequest* request, Table* response) {
  std::lock_guard lock(mutex_);
  if (absl::Status error = ErrorFor(request->name()); !error.ok()) {
    return rpc::ToGrpcStatus(error);
  }
  const auto found = tables_.find(request->name());
  if (found == tables_.end()) return rpc::ToGrpcStatus(TableNotFound(request->name()));
  *response = found->second.table;
  return grpc::Status::OK;
}

grpc::Status FakeCatalog::GetLogPosition(grpc::ServerContext*,
                                         const catalog::v1::GetLogPositionRequest* request,
                                         catalog::v1::GetLogPositionResponse* response) {
  std::lock_guard lock(mutex_);
  if (absl::Status error = ErrorFor(request->table()); !error.ok()) {
    return rpc::ToGrpcStatus(error);
  }
  const auto found = tables_.find(request->table());
  if (found == tables_.end()) return rpc::ToGrpcStatus(TableNotFound(request->table()));
  const auto position = found->second.positions.find(request->log_id());
  if (position != found->second.positions.end()) response->set_position(position->second);
  return grpc::Status::OK;
}

grpc::Status FakeCatalog::CommitTable(grpc::ServerContext*, const CommitTableRequest* request,
                                      CommitTableResponse* response) {
  std::unique_lock lock(mutex_);
  if (hold_ == Hold::kNext) {
    hold_ = Hold::kHeld;
    hold_changed_.notify_all();
    hold_changed_.wait_for(lock, kLongestHold, [&] { return hold_ == Hold::kNone; });
  }
  if (absl::Status error = ErrorFor(request->table()); !error.ok()) {
    return rpc::ToGrpcStatus(error);
  }
  const absl::Status status = Commit(*request, response);
  if (status.ok() && std::exchange(lose_next_answer_, false)) {
    return rpc::ToGrpcStatus(Unavailable("LOST", "the connection broke"));
  }
  return rpc::ToGrpcStatus(status);
}

absl::Status FakeCatalog::Grow(const CommitTableRequest& request, const Entry& entry,
                               table_schema::Fields& columns) const {
  const auto check_id = [&](int id) {
    if (id > std::max(entry.last_field_id, last_field_id_)) return absl::OkStatus();
    return Aborted("SCHEMA_CHANGED", "field id " + std::to_string(id) + " is taken");
  };
  for (const auto& column : request.added_columns()) {
    if (absl::Status free = check_id(column.id()); !free.ok()) return free;
    *columns.Add() = column;
  }
  for (const auto& added : request.added_fields()) {
    if (absl::Status free = check_id(added.field().id()); !free.ok()) return free;
    auto* parent = FindField(columns, added.parent_id());
    if (parent == nullptr) return Aborted("SCHEMA_CHANGED", "the struct is gone");
    *parent->add_fields() = added.field();
  }
  for (const auto& widened : request.widened_fields()) {
    auto* field = FindField(columns, widened.field_id());
    if (field == nullptr) return Aborted("SCHEMA_CHANGED", "the field is gone");
    if (HoldsLargeIntegers(entry.files, field->id())) {
      return FailedPrecondition("WIDENING_INEXACT", "integers beyond 2^53",
                                {{"field_id", std::to_string(field->id())}});
    }
    field->set_type(widened.type());
    field->set_widened(true);
  }
  return absl::OkStatus();
}

absl::Status FakeCatalog::Commit(const CommitTableRequest& request, CommitTableResponse* response) {
  const auto found = tables_.find(request.table());
  if (found == tables_.end()) return TableNotFound(request.table());
  Entry& entry = found->second;
  if (const auto answer = entry.answers.find(request.request_id()); answer != entry.answers.end()) {
    *response = answer->second;
    return absl::OkStatus();
  }
  table_schema::Fields columns = entry.table.schema().fields();
  if (const absl::Status grown = Grow(request, entry, columns); !grown.ok()) return grown;
  for (const std::string& path : request.removed_paths()) {
    const bool is_there =
        std::any_of(entry.files.begin(), entry.files.end(),
                    [&](const catalog::v1::DataFile& file) { return file.path() == path; });
    if (!is_there) return Aborted("COMMIT_CONFLICT", path + " is gone");
  }
  if (request.has_log_range()) {
    const auto& range = request.log_range();
    int64_t& position = entry.positions[range.log_id()];
    if (range.from_position() < position) {
      return MakeError(absl::StatusCode::kOutOfRange, "LOG_POSITION_OVERLAP", "overlap");
    }
    if (range.from_position() > position) {
      return MakeError(absl::StatusCode::kOutOfRange, "LOG_POSITION_GAP", "gap");
    }
    position = range.to_position();
  }
  *entry.table.mutable_schema()->mutable_fields() = std::move(columns);
  entry.last_field_id = table_schema::AssignFieldIds(
      *entry.table.mutable_schema()->mutable_fields(), entry.last_field_id);
  for (const std::string& path : request.removed_paths()) {
    std::erase_if(entry.files,
                  [&](const catalog::v1::DataFile& file) { return file.path() == path; });
  }
  for (const auto& file : request.added_files()) {
    entry.files.push_back(file);
    const absl::Time now = absl::Now();
    auto& added = *entry.files.back().mutable_added_time();
    added.set_seconds(absl::ToUnixSeconds(now));
    added.set_nanos(
        static_cast<int>(absl::ToInt64Nanoseconds(now - absl::FromUnixSeconds(added.seconds()))));
  }
  commits_.push_back(request.table());
  *response->mutable_table() = entry.table;
  entry.answers[request.request_id()] = *response;
  return absl::OkStatus();
}

grpc::Status FakeCatalog::PlanScan(grpc::ServerContext*,
                                   const catalog::v1::PlanScanRequest* request,
                                   grpc::ServerWriter<catalog::v1::PlanScanResponse>* writer) {
  catalog::v1::PlanScanResponse first;
  catalog::v1::PlanScanResponse second;
  {
    std::lock_guard lock(mutex_);
    if (absl::Status error = ErrorFor(request->table()); !error.ok()) {
      return rpc::ToGrpcStatus(error);
    }
    const auto found = tables_.find(request->table());
    if (found == tables_.end()) return rpc::ToGrpcStatus(TableNotFound(request->table()));
    *first.mutable_table() = found->second.table;
    for (const catalog::v1::DataFile& file : found->second.files) *second.add_files() = file;
  }
  writer->Write(first);
  if (second.files_size() > 0) writer->Write(second);
  return grpc::Status::OK;
}

}  // namespace tarn::ingestion

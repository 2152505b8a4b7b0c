#include "services/query/statement_session.h"

#include <filesystem>

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/time/time.h>

#include "common/lake/durable_file.h"
#include "common/names/names.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "common/table_schema/table_reader.h"
#include "services/query/bound_parameters.h"

namespace tarn::query {
namespace {

namespace catalog = ::tarn::catalog::v1;
namespace wire = worker;
using nlohmann::json;

// Views that read views, at the most.
constexpr int kMaxViewDepth = 16;

}  // namespace

std::string StatementSession::RequestId() const {
  return absl::StrCat("query:", context_.query_id);
}

std::string StatementSession::CommitKey() const {
  return spec_.commit_key.empty() ? RequestId() : absl::StrCat("statement:", spec_.commit_key);
}

absl::StatusOr<WorkerProcess*> StatementSession::Worker() {
  if (!worker_.has_value()) {
    TARN_ASSIGN_OR_RETURN(WorkerPool::Lease leased, LeaseWorker());
    worker_.emplace(std::move(leased));
  }
  return worker_->operator->();
}

absl::StatusOr<WorkerPool::Lease> StatementSession::LeaseWorker() {
  if (export_folder_.empty()) return resources_.workers.Acquire(spec_.workspace);
  TARN_ASSIGN_OR_RETURN(const std::filesystem::path folder, lake().Join(export_folder_));
  TARN_RETURN_IF_ERROR(lake::CreateDirectoriesDurably(folder));
  return resources_.workers.AcquireFor(spec_.workspace, folder.string());
}

// The tree of `sql` with parameters and tables bound, as the engine's whole document.
absl::StatusOr<json> StatementSession::Bind(const std::string& sql,
                                            const std::string& default_database,
                                            bool with_parameters, int depth) {
  if (depth > kMaxViewDepth) {
    return FailedPrecondition("VIEW_TOO_DEEP",
                              absl::StrCat("views read views more than ", kMaxViewDepth,
                                           " deep; does a view read itself?"));
  }
  TARN_ASSIGN_OR_RETURN(WorkerProcess * worker, Worker());
  TARN_ASSIGN_OR_RETURN(std::string text, worker->Parse(sql, context_.stop));
  json tree = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (tree.is_discarded())
    return Internal("TREE_MALFORMED", "the engine's syntax tree cannot be read");
  if (with_parameters) TARN_RETURN_IF_ERROR(BindParameters(tree, spec_.parameters));
  TARN_ASSIGN_OR_RETURN(std::vector<TableReference> tables, CollectTables(tree, default_database));
  std::map<TableReference, json> readers;
  for (const TableReference& table : tables) {
    TARN_ASSIGN_OR_RETURN(readers[table], Reader(table, depth));
  }
  TARN_RETURN_IF_ERROR(BindTables(tree, default_database, readers));
  return tree;
}

// The node of a SELECT that reads one table or view. Each table is planned once, so that a
// statement sees one snapshot.
absl::StatusOr<json> StatementSession::Reader(const TableReference& reference, int depth) {
  if (auto known = readers_.find(reference); known != readers_.end()) return known->second;
  TARN_ASSIGN_OR_RETURN(PlannedScan scan, Plan(reference));
  json node;
  if (scan.table.type() == catalog::TABLE_TYPE_VIEW) {
    absl::StatusOr<json> tree = Bind(scan.table.view().sql(), scan.table.view().default_database(),
                                     /*with_parameters=*/false, depth + 1);
    TARN_RETURN_IF_ERROR(Annotate(
        tree.status(), absl::StrCat("in view ", reference.database, ".", reference.table)));
    node = (*tree)["statements"][0]["node"];
  } else {
    const std::string sql =
        table_schema::ReaderSql(scan.table, scan.files, resources_.lake.root().string());
    TARN_ASSIGN_OR_RETURN(WorkerProcess * worker, Worker());
    TARN_ASSIGN_OR_RETURN(std::string text, worker->Parse(sql, context_.stop));
    node = json::parse(text)["statements"][0]["node"];
    outcome_.files_read += static_cast<int64_t>(scan.files.size());
    outcome_.files_skipped += scan.pruned_file_count;
    for (const catalog::DataFile& file : scan.files) outcome_.bytes_read += file.byte_count();
    outcome_.snapshots.push_back(absl::StrCat(reference.database, ".", reference.table, "@",
                                              scan.table.current_snapshot().snapshot_id()));
    const bool newest = reference.version.empty() && reference.timestamp.empty();
    if (newest && reference.database == statement_.target.database &&
        reference.table == statement_.target.table) {
      read_of_target_ = scan.table.current_snapshot().snapshot_id();
    }
  }
  readers_[reference] = node;
  return node;
}

absl::StatusOr<PlannedScan> StatementSession::Plan(const TableReference& reference) {
  catalog::PlanScanRequest request;
  request.set_table(names::Table(reference.database, reference.table));
  if (!reference.version.empty()) {
    int64_t snapshot = 0;
    if (!absl::SimpleAtoi(reference.version, &snapshot)) {
      return InvalidArgument("SQL_ERROR", absl::StrCat("VERSION takes a snapshot's id, not '",
                                                       reference.version, "'"));
    }
    request.set_snapshot_id(snapshot);
  } else if (!reference.timestamp.empty()) {
    absl::Time time;
    std::string error;
    if (!absl::ParseTime("%Y-%m-%d%n%H:%M:%E*S%Ez", reference.timestamp, &time, &error) &&
        !absl::ParseTime("%Y-%m-%d%n%H:%M:%E*S", reference.timestamp, &time, &error) &&
        !absl::ParseTime(absl::RFC3339_full, reference.timestamp, &time, &error)) {
      return InvalidArgument(
          "SQL_ERROR",
          absl::StrCat("TIMESTAMP takes a time in UTC such as 2026-01-31 12:00:00, not '",
                       reference.timestamp, "'"));
    }
    request.mutable_as_of_time()->set_seconds(absl::ToUnixSeconds(time));
    request.mutable_as_of_time()->set_nanos(static_cast<int>(
        absl::ToInt64Nanoseconds(time - absl::FromUnixSeconds(absl::ToUnixSeconds(time)))));
  }
  absl::StatusOr<PlannedScan> scan = resources_.catalog.PlanScan(request, context_.credentials());
  // A view has no files to plan.
  if (ErrorReason(scan.status()) != "WRONG_OPERATION") return scan;
  TARN_ASSIGN_OR_RETURN(
      catalog::Table view,
      resources_.catalog.GetTable(reference.database, reference.table, context_.credentials()));
  if (view.type() != catalog::TABLE_TYPE_VIEW) return scan;
  if (request.snapshot_id() != 0 || request.has_as_of_time()) {
    return InvalidArgument("SQL_ERROR",
                           absl::StrCat(reference.database, ".", reference.table,
                                        " is a view, which has no versions; read its tables AT a "
                                        "version instead"));
  }
  return PlannedScan{std::move(view), {}, 0};
}

absl::StatusOr<wire::Execute> StatementSession::BoundQuery() {
  TARN_ASSIGN_OR_RETURN(
      json tree, Bind(statement_.query, spec_.default_database, /*with_parameters=*/true, 0));
  wire::Execute execute;
  execute.set_tree_json(tree.dump());
  execute.set_time_zone(spec_.time_zone);
  execute.set_memory_limit_bytes(spec_.max_memory_bytes);
  execute.set_threads(resources_.threads_per_query);
  execution_begin_ = absl::Now();
  return execute;
}

}  // namespace tarn::query

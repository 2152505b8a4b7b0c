#include "services/query/statement_session.h"

#include <algorithm>
#include <filesystem>

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/time/time.h>

#include "common/lake/durable_file.h"
#include "common/names/names.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "common/table_schema/engine_types.h"
#include "common/table_schema/system_columns.h"
#include "common/table_schema/table_reader.h"
#include "services/query/bound_parameters.h"
#include "services/query/sql/named_system_columns.h"

namespace tarn::query {
namespace {

namespace catalog = ::tarn::catalog::v1;
namespace wire = worker;
using nlohmann::json;

// Views that read views, at the most.
constexpr int kMaxViewDepth = 16;

// Takes the system columns that are not wanted out of a managed table's schema; gives those that
// are left. A table that has no other columns yet keeps them all: something must be read.
std::vector<std::string> KeepSystemColumns(catalog::Table& table,
                                           const std::vector<std::string>& wanted) {
  std::vector<std::string> kept;
  auto& all = *table.mutable_schema()->mutable_fields();
  if (table.type() != catalog::TABLE_TYPE_MANAGED ||
      std::all_of(all.begin(), all.end(), table_schema::IsSystemColumn)) {
    return kept;
  }
  table_schema::Fields fields;
  for (catalog::Field& field : all) {
    if (table_schema::IsSystemColumn(field)) {
      if (std::find(wanted.begin(), wanted.end(), field.name()) == wanted.end()) continue;
      kept.push_back(field.name());
    }
    *fields.Add() = std::move(field);
  }
  all = std::move(fields);
  return kept;
}

// Whether the conjuncts say of the table as planned what was sent.
bool SamePredicates(const catalog::PlanScanRequest& request, const std::vector<Conjunct>& conjuncts,
                    const catalog::Table& planned) {
  const std::vector<catalog::ScanPredicate> now = ToScanPredicates(conjuncts, planned.schema());
  return std::equal(
      request.predicates().begin(), request.predicates().end(), now.begin(), now.end(),
      [](const auto& a, const auto& b) { return a.SerializeAsString() == b.SerializeAsString(); });
}

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
  TARN_ASSIGN_OR_RETURN(const std::vector<TableReference> tables,
                        sql_expression::CollectTables(tree, default_database));
  const std::vector<std::string> system_columns = SystemColumnsNamed(tree);
  TARN_ASSIGN_OR_RETURN(auto conjuncts, CollectConjuncts(tree, default_database));
  std::map<TableReference, TableReader> readers;
  for (const TableReference& table : tables) {
    TARN_ASSIGN_OR_RETURN(readers[table], Reader(table, system_columns, conjuncts[table], depth));
  }
  TARN_RETURN_IF_ERROR(sql_expression::BindTables(tree, default_database, readers));
  return tree;
}

absl::StatusOr<json> StatementSession::ParseNode(const std::string& sql) {
  TARN_ASSIGN_OR_RETURN(WorkerProcess * worker, Worker());
  TARN_ASSIGN_OR_RETURN(std::string text, worker->Parse(sql, context_.stop));
  return json::parse(text)["statements"][0]["node"];
}

absl::StatusOr<TableReader> StatementSession::Reader(const TableReference& reference,
                                                     const std::vector<std::string>& system_columns,
                                                     const std::vector<Conjunct>& conjuncts,
                                                     int depth) {
  const auto key = std::tuple(reference, system_columns, conjuncts);
  if (auto known = readers_.find(key); known != readers_.end()) return known->second;
  TARN_ASSIGN_OR_RETURN(PlannedScan scan, Plan(reference, conjuncts));
  TableReader reader;
  if (scan.table.type() == catalog::TABLE_TYPE_VIEW) {
    absl::StatusOr<json> tree = Bind(scan.table.view().sql(), scan.table.view().default_database(),
                                     /*with_parameters=*/false, depth + 1);
    TARN_RETURN_IF_ERROR(Annotate(
        tree.status(), absl::StrCat("in view ", reference.database, ".", reference.table)));
    reader.node = (*tree)["statements"][0]["node"];
  } else {
    NoteScan(reference, scan);
    reader.hidden = KeepSystemColumns(scan.table, system_columns);
    TARN_ASSIGN_OR_RETURN(reader.node,
                          ParseNode(table_schema::ReaderSql(scan.table, scan.files,
                                                            resources_.lake.root().string())));
  }
  readers_[key] = reader;
  return reader;
}

void StatementSession::NoteScan(const TableReference& reference, const PlannedScan& scan) {
  outcome_.files_read += static_cast<int64_t>(scan.files.size());
  outcome_.files_skipped += scan.pruned_file_count;
  for (const catalog::DataFile& file : scan.files) outcome_.bytes_read += file.byte_count();
  const int64_t snapshot = scan.table.current_snapshot().snapshot_id();
  if (!snapshots_.try_emplace(reference, snapshot).second) return;
  outcome_.snapshots.push_back(
      absl::StrCat(reference.database, ".", reference.table, "@", snapshot));
  const bool newest = reference.version.empty() && reference.timestamp.empty();
  if (newest && reference.database == statement_.target.database &&
      reference.table == statement_.target.table) {
    read_of_target_ = snapshot;
  }
}

absl::StatusOr<PlannedScan> StatementSession::Plan(const TableReference& reference,
                                                   const std::vector<Conjunct>& conjuncts) {
  TARN_ASSIGN_OR_RETURN(catalog::PlanScanRequest request, ScanRequest(reference));
  // What a literal means depends on the column's type.
  if (!conjuncts.empty()) {
    TARN_ASSIGN_OR_RETURN(
        catalog::Table table,
        resources_.catalog.GetTable(reference.database, reference.table, context_.credentials()));
    for (catalog::ScanPredicate& predicate : ToScanPredicates(conjuncts, table.schema())) {
      *request.add_predicates() = std::move(predicate);
    }
  }
  absl::StatusOr<PlannedScan> scan = resources_.catalog.PlanScan(request, context_.credentials());
  // A view has no files to plan.
  if (ErrorReason(scan.status()) == "WRONG_OPERATION") {
    TARN_ASSIGN_OR_RETURN(
        catalog::Table view,
        resources_.catalog.GetTable(reference.database, reference.table, context_.credentials()));
    if (view.type() != catalog::TABLE_TYPE_VIEW) return scan;
    if (reference.version.empty() && reference.timestamp.empty()) {
      return PlannedScan{std::move(view), {}, 0};
    }
    return InvalidArgument("SQL_ERROR",
                           absl::StrCat(reference.database, ".", reference.table,
                                        " is a view, which has no versions; read its tables AT a "
                                        "version instead"));
  }
  TARN_RETURN_IF_ERROR(scan.status());
  if (request.predicates_size() > 0 && !SamePredicates(request, conjuncts, scan->table)) {
    // Another schema than the one looked at: an older version, or changed just now.
    request.clear_predicates();
    scan = resources_.catalog.PlanScan(request, context_.credentials());
    TARN_RETURN_IF_ERROR(scan.status());
  }
  const auto before = snapshots_.find(reference);
  // Its first rows came while the statement was planned.
  if (before != snapshots_.end() && before->second == 0) scan->files.clear();
  return scan;
}

absl::StatusOr<catalog::PlanScanRequest> StatementSession::ScanRequest(
    const TableReference& reference) {
  catalog::PlanScanRequest request;
  request.set_table(names::Table(reference.database, reference.table));
  if (auto before = snapshots_.find(reference); before != snapshots_.end()) {
    request.set_snapshot_id(before->second);
    return request;
  }
  if (!reference.version.empty()) {
    // A snapshot's id, or the name of a tag.
    int64_t snapshot = 0;
    if (absl::SimpleAtoi(reference.version, &snapshot)) {
      request.set_snapshot_id(snapshot);
    } else {
      request.set_tag(reference.version);
    }
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
  return request;
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

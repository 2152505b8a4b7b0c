#include "services/query/statement_executor.h"

#include <filesystem>
#include <map>
#include <optional>
#include <set>

#include <absl/strings/ascii.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/time/time.h>
#include <nlohmann/json.hpp>

#include "common/failpoint/failpoint.h"
#include "common/ids/ids.h"
#include "common/lake/durable_file.h"
#include "common/lake/parquet_writer.h"
#include "common/names/names.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "common/table_schema/engine_types.h"
#include "common/table_schema/table_reader.h"
#include "services/query/bound_parameters.h"
#include "services/query/csv_rows.h"
#include "services/query/sql/binder.h"
#include "services/query/table_writer.h"
#include "services/query/worker/worker_protocol.pb.h"

namespace tarn::query {
namespace {

namespace catalog = ::tarn::catalog::v1;
namespace wire = worker;
using nlohmann::json;

// Views that read views, at the most.
constexpr int kMaxViewDepth = 16;

std::vector<ResultColumnInfo> ColumnsOf(const wire::ResultSchema& schema) {
  std::vector<ResultColumnInfo> columns;
  for (const wire::ResultSchema::Column& column : schema.columns()) {
    columns.push_back({column.name(), column.display_type()});
  }
  return columns;
}

}  // namespace

// The life of one statement. Holds the worker that it leased.
class StatementExecutor::Run {
 public:
  Run(StatementExecutor& executor, const QuerySpec& spec, const ExecutionContext& context,
      const RowSink& sink, QueryOutcome* outcome)
      : executor_(executor), spec_(spec), context_(context), sink_(sink), outcome_(outcome) {}

  absl::Status Execute() {
    const absl::Time begin = absl::Now();
    TARN_ASSIGN_OR_RETURN(statement_, ParseStatement(spec_.sql));
    outcome_->kind = statement_.kind;
    outcome_->kind_known = true;
    if (statement_.target.database.empty()) statement_.target.database = spec_.default_database;
    absl::Status status = Dispatch();
    if (execution_begin_ == absl::InfinitePast()) {
      outcome_->planning_time = absl::Now() - begin;
    } else {
      outcome_->planning_time = execution_begin_ - begin;
      outcome_->execution_time = absl::Now() - execution_begin_;
    }
    return status;
  }

 private:
  absl::Status Dispatch() {
    const bool writes = statement_.kind == StatementKind::kCreateTableAs ||
                        statement_.kind == StatementKind::kInsert ||
                        statement_.kind == StatementKind::kInsertOverwrite;
    if (writes && !spec_.time_zone.empty() && spec_.time_zone != "UTC") {
      return InvalidArgument(
          "TIME_ZONE_NOT_ALLOWED",
          "a statement that writes runs in UTC; convert with timezone('…', column) instead");
    }
    if (!spec_.export_format.empty() && statement_.kind != StatementKind::kSelect) {
      return InvalidArgument("EXPORT_NEEDS_SELECT", "only a SELECT can be exported to a file");
    }
    switch (statement_.kind) {
      case StatementKind::kSelect:
        return spec_.export_format.empty() ? Select() : Export();
      case StatementKind::kExplain:
        return Explain();
      case StatementKind::kDescribeQuery:
        return DescribeQuery();
      case StatementKind::kDescribeTable:
        return DescribeTable();
      case StatementKind::kShowDatabases:
        return ShowDatabases();
      case StatementKind::kShowTables:
        return ShowTables();
      case StatementKind::kCreateDatabase:
        return CreateDatabase();
      case StatementKind::kDropDatabase:
        return IgnoreMissing(executor_.catalog_.DeleteDatabase(
            statement_.target.database, RequestId(), context_.credentials()));
      case StatementKind::kDropTable:
      case StatementKind::kDropView:
        return Drop();
      case StatementKind::kCreateView:
        return CreateView();
      case StatementKind::kCreateTable:
        return CreateTable();
      case StatementKind::kCreateTableAs:
      case StatementKind::kInsert:
      case StatementKind::kInsertOverwrite:
        return Write();
    }
    return Internal("STATEMENT_UNHANDLED", "the statement is known but has no way to run");
  }

  // ---- Binding

  std::string RequestId() const { return absl::StrCat("query:", context_.query_id); }
  // Of a commit: the same for every try of one piece of work, which may be several queries.
  std::string CommitKey() const {
    return spec_.commit_key.empty() ? RequestId() : absl::StrCat("statement:", spec_.commit_key);
  }

  absl::StatusOr<WorkerProcess*> Worker() {
    if (!worker_.has_value()) {
      auto leased = executor_.workers_.Acquire(spec_.workspace);
      TARN_RETURN_IF_ERROR(leased.status());
      worker_.emplace(*std::move(leased));
    }
    return worker_->operator->();
  }

  // The tree of `sql` with parameters and tables bound, as the engine's whole document.
  absl::StatusOr<json> Bind(const std::string& sql, const std::string& default_database,
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
    TARN_ASSIGN_OR_RETURN(std::vector<TableReference> tables,
                          CollectTables(tree, default_database));
    std::map<TableReference, json> readers;
    for (const TableReference& table : tables) {
      TARN_ASSIGN_OR_RETURN(readers[table], Reader(table, depth));
    }
    TARN_RETURN_IF_ERROR(BindTables(tree, default_database, readers));
    return tree;
  }

  // The node of a SELECT that reads one table or view. Each table is planned once, so that a
  // statement sees one snapshot.
  absl::StatusOr<json> Reader(const TableReference& reference, int depth) {
    if (auto known = readers_.find(reference); known != readers_.end()) return known->second;
    TARN_ASSIGN_OR_RETURN(PlannedScan scan, Plan(reference));
    json node;
    if (scan.table.type() == catalog::TABLE_TYPE_VIEW) {
      absl::StatusOr<json> tree =
          Bind(scan.table.view().sql(), scan.table.view().default_database(),
               /*with_parameters=*/false, depth + 1);
      TARN_RETURN_IF_ERROR(Annotate(
          tree.status(), absl::StrCat("in view ", reference.database, ".", reference.table)));
      node = (*tree)["statements"][0]["node"];
    } else {
      const std::string sql =
          table_schema::ReaderSql(scan.table, scan.files, executor_.lake_.root().string());
      TARN_ASSIGN_OR_RETURN(WorkerProcess * worker, Worker());
      TARN_ASSIGN_OR_RETURN(std::string text, worker->Parse(sql, context_.stop));
      node = json::parse(text)["statements"][0]["node"];
      outcome_->files_read += static_cast<int64_t>(scan.files.size());
      outcome_->files_skipped += scan.pruned_file_count;
      for (const catalog::DataFile& file : scan.files) outcome_->bytes_read += file.byte_count();
      outcome_->snapshots.push_back(absl::StrCat(reference.database, ".", reference.table, "@",
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

  absl::StatusOr<PlannedScan> Plan(const TableReference& reference) {
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
    return executor_.catalog_.PlanScan(request, context_.credentials());
  }

  absl::StatusOr<wire::Execute> BoundQuery() {
    TARN_ASSIGN_OR_RETURN(
        json tree, Bind(statement_.query, spec_.default_database, /*with_parameters=*/true, 0));
    wire::Execute execute;
    execute.set_tree_json(tree.dump());
    execute.set_time_zone(spec_.time_zone);
    execute.set_memory_limit_bytes(spec_.max_memory_bytes);
    execute.set_threads(executor_.threads_per_query_);
    execution_begin_ = absl::Now();
    return execute;
  }

  // ---- Statements that return rows

  absl::Status Stream(const wire::Execute& execute) {
    ResultSink sink;
    sink.on_schema = [this](const wire::ResultSchema& schema) {
      outcome_->columns = ColumnsOf(schema);
      return sink_.on_columns(outcome_->columns);
    };
    sink.on_rows = [this](wire::Rows rows) {
      outcome_->row_count += rows.row_count();
      return sink_.on_rows(std::move(*rows.mutable_data()), rows.row_count());
    };
    TARN_ASSIGN_OR_RETURN(WorkerProcess * worker, Worker());
    return worker->Execute(execute, context_.stop, sink).status();
  }

  absl::Status Select() {
    TARN_ASSIGN_OR_RETURN(wire::Execute execute, BoundQuery());
    wire::RowsOutput* rows = execute.mutable_rows();
    rows->set_format(sink_.format == RowFormat::kCsv ? wire::RowsOutput::FORMAT_CSV
                                                     : wire::RowsOutput::FORMAT_JSON_ROWS);
    rows->set_max_rows(spec_.max_rows);
    return Stream(execute);
  }

  absl::Status Explain() {
    TARN_ASSIGN_OR_RETURN(wire::Execute execute, BoundQuery());
    execute.set_explain(true);
    return Stream(execute);
  }

  // Rows that no engine made.
  absl::Status Emit(std::vector<ResultColumnInfo> columns,
                    const std::vector<std::vector<json>>& rows) {
    outcome_->columns = std::move(columns);
    TARN_RETURN_IF_ERROR(sink_.on_columns(outcome_->columns));
    std::string data;
    if (sink_.format == RowFormat::kCsv) data = CsvHeader(outcome_->columns);
    for (const std::vector<json>& row : rows) {
      if (sink_.format == RowFormat::kCsv) {
        data.append(CsvLine(row));
      } else {
        absl::StrAppend(&data, json(row).dump(-1, ' ', false, json::error_handler_t::replace),
                        "\n");
      }
    }
    outcome_->row_count = static_cast<int64_t>(rows.size());
    return data.empty() ? absl::OkStatus() : sink_.on_rows(std::move(data), outcome_->row_count);
  }

  absl::Status DescribeQuery() {
    TARN_ASSIGN_OR_RETURN(wire::Execute execute, BoundQuery());
    TARN_ASSIGN_OR_RETURN(WorkerProcess * worker, Worker());
    TARN_ASSIGN_OR_RETURN(wire::ResultSchema schema, worker->Describe(execute, context_.stop));
    std::vector<std::vector<json>> rows;
    for (const wire::ResultSchema::Column& column : schema.columns()) {
      rows.push_back({column.name(), column.display_type()});
    }
    return Emit({{"column_name", "string"}, {"column_type", "string"}}, rows);
  }

  absl::Status DescribeTable() {
    TARN_RETURN_IF_ERROR(NeedDatabase());
    TARN_ASSIGN_OR_RETURN(
        catalog::Table table,
        executor_.catalog_.GetTable(statement_.target.database, statement_.target.table,
                                    context_.credentials()));
    std::vector<std::vector<json>> rows;
    for (const catalog::Field& field : table.schema().fields()) {
      json partition = nullptr;
      for (const catalog::PartitionField& part : table.partition_fields()) {
        if (part.source() == field.name())
          partition = part.transform().empty() ? "identity" : part.transform();
      }
      rows.push_back({field.name(), table_schema::DisplayTypeOf(field), !field.required(),
                      partition, field.doc().empty() ? json() : json(field.doc())});
    }
    return Emit({{"column_name", "string"},
                 {"column_type", "string"},
                 {"nullable", "boolean"},
                 {"partition", "string"},
                 {"comment", "string"}},
                rows);
  }

  absl::Status ShowDatabases() {
    TARN_ASSIGN_OR_RETURN(std::vector<catalog::Database> databases,
                          executor_.catalog_.ListDatabases(context_.credentials()));
    std::vector<std::vector<json>> rows;
    for (const catalog::Database& database : databases) {
      TARN_ASSIGN_OR_RETURN(std::string id, names::ParseDatabase(database.name()));
      rows.push_back({id, database.comment().empty() ? json() : json(database.comment())});
    }
    return Emit({{"database_name", "string"}, {"comment", "string"}}, rows);
  }

  absl::Status ShowTables() {
    const std::string& database = statement_.target.database;
    TARN_ASSIGN_OR_RETURN(
        std::vector<catalog::Table> tables,
        executor_.catalog_.ListTables(database.empty() ? "-" : database, context_.credentials()));
    std::vector<std::vector<json>> rows;
    for (const catalog::Table& table : tables) {
      TARN_ASSIGN_OR_RETURN(names::TableId id, names::ParseTable(table.name()));
      const char* type = table.type() == catalog::TABLE_TYPE_VIEW       ? "view"
                         : table.type() == catalog::TABLE_TYPE_EXTERNAL ? "external"
                                                                        : "managed";
      rows.push_back(
          {id.database, id.table, type, table.comment().empty() ? json() : json(table.comment())});
    }
    return Emit({{"database_name", "string"},
                 {"table_name", "string"},
                 {"table_type", "string"},
                 {"comment", "string"}},
                rows);
  }

  absl::Status Export() {
    const std::string& name = spec_.export_file_name;
    TARN_RETURN_IF_ERROR(lake::ValidateRelativePath(name));
    if (name.find('/') != std::string::npos || name[0] == '.') {
      return InvalidArgument("EXPORT_NAME_INVALID",
                             "an export's file name has no folder and begins with no dot");
    }
    TARN_ASSIGN_OR_RETURN(wire::Execute execute, BoundQuery());
    const std::string folder =
        lake::LakePaths::Results(spec_.workspace, absl::Now(), context_.query_id);
    TARN_ASSIGN_OR_RETURN(std::filesystem::path absolute, executor_.lake_.Join(folder));
    TARN_RETURN_IF_ERROR(lake::CreateDirectoriesDurably(absolute));
    const std::filesystem::path temporary = absolute / ("." + name);
    execute.mutable_file()->set_path(temporary.string());
    execute.mutable_file()->set_format(spec_.export_format);
    TARN_ASSIGN_OR_RETURN(WorkerProcess * worker, Worker());
    TARN_ASSIGN_OR_RETURN(wire::Done done, worker->Execute(execute, context_.stop, {}));
    TARN_RETURN_IF_ERROR(lake::PublishFile(temporary, absolute / name));
    outcome_->row_count = done.row_count();
    outcome_->export_path = absl::StrCat(folder, "/", name);
    return absl::OkStatus();
  }

  // ---- Statements that change the catalog

  absl::Status NeedDatabase() const {
    if (!statement_.target.database.empty()) return absl::OkStatus();
    return InvalidArgument("SQL_ERROR",
                           absl::StrCat("table ", statement_.target.table,
                                        " has no database; write database.table, or give a default "
                                        "database"));
  }

  absl::Status IgnoreMissing(const absl::Status& status) const {
    return statement_.if_exists && status.code() == absl::StatusCode::kNotFound ? absl::OkStatus()
                                                                                : status;
  }

  absl::Status CreateDatabase() {
    absl::Status status = executor_.catalog_.CreateDatabase(statement_.target.database, RequestId(),
                                                            context_.credentials());
    return statement_.if_exists && status.code() == absl::StatusCode::kAlreadyExists
               ? absl::OkStatus()
               : status;
  }

  absl::Status Drop() {
    TARN_RETURN_IF_ERROR(NeedDatabase());
    absl::StatusOr<catalog::Table> table = executor_.catalog_.GetTable(
        statement_.target.database, statement_.target.table, context_.credentials());
    if (!table.ok()) return IgnoreMissing(table.status());
    const bool is_view = table->type() == catalog::TABLE_TYPE_VIEW;
    if (is_view != (statement_.kind == StatementKind::kDropView)) {
      return FailedPrecondition(
          "WRONG_KIND",
          absl::StrCat(statement_.target.database, ".", statement_.target.table,
                       is_view ? " is a view; use DROP VIEW" : " is a table; use DROP TABLE"));
    }
    return IgnoreMissing(
        executor_.catalog_.DeleteTable(table->name(), RequestId(), context_.credentials()));
  }

  absl::Status CreateView() {
    TARN_RETURN_IF_ERROR(NeedDatabase());
    TARN_ASSIGN_OR_RETURN(wire::Execute execute, BoundQuery());
    TARN_ASSIGN_OR_RETURN(WorkerProcess * worker, Worker());
    TARN_ASSIGN_OR_RETURN(wire::ResultSchema schema, worker->Describe(execute, context_.stop));
    TARN_ASSIGN_OR_RETURN(table_schema::Fields fields, StorableFields(schema));
    catalog::CreateTableRequest create;
    create.set_request_id(RequestId());
    catalog::Table* view = create.mutable_table();
    view->set_name(names::Table(statement_.target.database, statement_.target.table));
    view->set_type(catalog::TABLE_TYPE_VIEW);
    table_schema::AssignFieldIds(fields, 0);
    *view->mutable_schema()->mutable_fields() = std::move(fields);
    view->mutable_view()->set_sql(statement_.query);
    view->mutable_view()->set_default_database(spec_.default_database);
    if (statement_.or_replace) {
      auto existing = executor_.catalog_.GetTable(statement_.target.database,
                                                  statement_.target.table, context_.credentials());
      if (existing.ok()) {
        if (existing->type() != catalog::TABLE_TYPE_VIEW) {
          return FailedPrecondition("WRONG_KIND",
                                    absl::StrCat(view->name(), " is a table and not a view"));
        }
        catalog::UpdateTableRequest update;
        update.set_request_id(RequestId());
        *update.mutable_table() = *view;
        update.mutable_update_mask()->add_paths("view");
        update.mutable_update_mask()->add_paths("schema");
        return executor_.catalog_.UpdateTable(update, context_.credentials()).status();
      }
    }
    absl::Status status = executor_.catalog_.CreateTable(create, context_.credentials()).status();
    return statement_.if_exists && status.code() == absl::StatusCode::kAlreadyExists
               ? absl::OkStatus()
               : status;
  }

  absl::Status CreateTable() {
    TARN_RETURN_IF_ERROR(NeedDatabase());
    std::vector<std::pair<std::string, std::string>> columns;
    for (const ColumnDefinition& column : statement_.columns)
      columns.emplace_back(column.name, column.sql_type);
    TARN_ASSIGN_OR_RETURN(WorkerProcess * worker, Worker());
    TARN_ASSIGN_OR_RETURN(wire::ResultSchema schema, worker->ParseTypes(columns, context_.stop));
    TARN_ASSIGN_OR_RETURN(table_schema::Fields fields, StorableFields(schema));
    for (size_t i = 0; i < statement_.columns.size(); ++i) {
      fields[static_cast<int>(i)].set_required(statement_.columns[i].required);
    }
    catalog::Table table = NewTable(statement_, std::move(fields));
    if (statement_.or_replace) {
      catalog::CommitTableRequest commit;
      commit.set_table(table.name());
      commit.set_operation(catalog::SNAPSHOT_OPERATION_OVERWRITE);
      commit.set_request_id(CommitKey());
      *commit.mutable_create_or_replace() = table;
      return executor_.catalog_.CommitTable(commit, context_.credentials()).status();
    }
    catalog::CreateTableRequest create;
    create.set_request_id(RequestId());
    *create.mutable_table() = table;
    absl::Status status = executor_.catalog_.CreateTable(create, context_.credentials()).status();
    return statement_.if_exists && status.code() == absl::StatusCode::kAlreadyExists
               ? absl::OkStatus()
               : status;
  }

  // CREATE TABLE AS, INSERT and INSERT OVERWRITE.
  absl::Status Write() {
    TARN_RETURN_IF_ERROR(NeedDatabase());
    std::optional<catalog::Table> existing;
    auto found = executor_.catalog_.GetTable(statement_.target.database, statement_.target.table,
                                             context_.credentials());
    if (found.ok()) {
      existing = *std::move(found);
    } else if (found.status().code() != absl::StatusCode::kNotFound ||
               statement_.kind != StatementKind::kCreateTableAs) {
      return found.status();
    }
    if (existing.has_value() && statement_.kind == StatementKind::kCreateTableAs &&
        !statement_.or_replace) {
      if (statement_.if_exists) return absl::OkStatus();
      return AlreadyExists(
          "TABLE_EXISTS",
          absl::StrCat("table ", statement_.target.database, ".", statement_.target.table,
                       " exists; use CREATE OR REPLACE TABLE or INSERT INTO"));
    }
    if (existing.has_value() && existing->type() != catalog::TABLE_TYPE_MANAGED) {
      return FailedPrecondition(
          "TABLE_NOT_MANAGED",
          absl::StrCat(statement_.target.database, ".", statement_.target.table,
                       " is not a managed table, so it cannot be written; write another one"));
    }
    // Bound before the overwrite's base is planned: what the query reads is never newer than the
    // base.
    TARN_ASSIGN_OR_RETURN(wire::Execute execute, BoundQuery());
    std::optional<PlannedScan> base;
    if (statement_.kind == StatementKind::kInsertOverwrite) {
      catalog::PlanScanRequest request;
      request.set_table(existing->name());
      TARN_ASSIGN_OR_RETURN(base, executor_.catalog_.PlanScan(request, context_.credentials()));
      if (read_of_target_.value_or(base->table.current_snapshot().snapshot_id()) !=
          base->table.current_snapshot().snapshot_id()) {
        return Aborted("COMMIT_CONFLICT",
                       "the table was changed while the statement was planned; run it again");
      }
    }
    TARN_ASSIGN_OR_RETURN(WorkerProcess * worker, Worker());
    TARN_ASSIGN_OR_RETURN(wire::ResultSchema schema, worker->Describe(execute, context_.stop));
    TARN_ASSIGN_OR_RETURN(TableWrite write, PlanWrite(statement_, schema, existing));
    if (write.location.empty()) {
      write.location = lake::LakePaths::TableData(spec_.workspace, statement_.target.database,
                                                  statement_.target.table, write.definition->uid());
    }
    const std::string staging =
        absl::StrCat(std::filesystem::path(write.location).parent_path().string(), "/staging/",
                     context_.query_id);
    TARN_ASSIGN_OR_RETURN(std::filesystem::path staging_folder, executor_.lake_.Join(staging));
    TARN_ASSIGN_OR_RETURN(std::filesystem::path data_folder, executor_.lake_.Join(write.location));
    // Nobody else uses this id: what stands there is of an attempt that was killed.
    lake::RemoveStaging(staging_folder);
    TARN_RETURN_IF_ERROR(lake::CreateDirectoriesDurably(staging_folder.parent_path()));
    wire::TableOutput* output = execute.mutable_table();
    output->set_directory(staging_folder.string());
    *output->mutable_fields() = write.fields;
    for (const std::string& source : write.sources) output->add_sources(source);
    *output->mutable_partition_fields() = write.partition_fields;
    absl::StatusOr<wire::Done> done = worker->Execute(execute, context_.stop, {});
    if (!done.ok()) {
      lake::RemoveStaging(staging_folder);
      return done.status();
    }
    absl::Status published = PublishFiles(*done, staging_folder, data_folder);
    lake::RemoveStaging(staging_folder);
    TARN_RETURN_IF_ERROR(published);
    // Whoever failed or cancelled the query while its files were published was told that it ended.
    if (context_.stop.cancelled != nullptr && *context_.stop.cancelled) {
      return MakeError(absl::StatusCode::kCancelled, "QUERY_CANCELLED", "the query was cancelled");
    }
    TARN_RETURN_IF_FAILPOINT("query.write.before_commit");
    outcome_->row_count = done->row_count();
    catalog::CommitTableRequest commit = CommitRequest(statement_, write, *done, base);
    commit.set_request_id(CommitKey());
    (*commit.mutable_summary())["query"] = absl::StrCat("queries/", context_.query_id);
    TARN_ASSIGN_OR_RETURN(catalog::CommitTableResponse response,
                          executor_.catalog_.CommitTable(commit, context_.credentials()));
    TARN_RETURN_IF_FAILPOINT("query.write.after_commit");
    outcome_->written_snapshot =
        absl::StrCat(statement_.target.database, ".", statement_.target.table, "@",
                     response.snapshot().snapshot_id());
    return absl::OkStatus();
  }

  StatementExecutor& executor_;
  const QuerySpec& spec_;
  const ExecutionContext& context_;
  const RowSink& sink_;
  QueryOutcome* const outcome_;
  Statement statement_;
  std::optional<WorkerPool::Lease> worker_;
  std::map<TableReference, json> readers_;
  // The snapshot at which the target itself is read, unless it is an old one that was asked for.
  std::optional<int64_t> read_of_target_;
  absl::Time execution_begin_ = absl::InfinitePast();
};

absl::Status StatementExecutor::Execute(const QuerySpec& spec, const ExecutionContext& context,
                                        const RowSink& sink, QueryOutcome* outcome) {
  return Run(*this, spec, context, sink, outcome).Execute();
}

}  // namespace tarn::query

#include "services/query/read_statements.h"

#include <filesystem>

#include <absl/strings/str_cat.h>
#include <nlohmann/json.hpp>

#include "common/lake/durable_file.h"
#include "common/names/names.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "common/table_schema/engine_types.h"
#include "common/table_schema/system_columns.h"
#include "services/query/csv_rows.h"
#include "services/query/worker/worker_protocol.pb.h"

namespace tarn::query {
namespace {

namespace catalog = ::tarn::catalog::v1;
namespace wire = worker;
using nlohmann::json;

std::vector<ResultColumnInfo> ColumnsOf(const wire::ResultSchema& schema) {
  std::vector<ResultColumnInfo> columns;
  for (const wire::ResultSchema::Column& column : schema.columns()) {
    columns.push_back({column.name(), column.display_type()});
  }
  return columns;
}

absl::Status Stream(StatementSession& session, const wire::Execute& execute) {
  ResultSink sink;
  sink.on_schema = [&session](const wire::ResultSchema& schema) {
    session.outcome().columns = ColumnsOf(schema);
    return session.sink().on_columns(session.outcome().columns);
  };
  sink.on_rows = [&session](wire::Rows rows) {
    session.outcome().row_count += rows.row_count();
    return session.sink().on_rows(std::move(*rows.mutable_data()), rows.row_count());
  };
  TARN_ASSIGN_OR_RETURN(WorkerProcess * worker, session.Worker());
  return worker->Execute(execute, session.context().stop, sink).status();
}

absl::Status Select(StatementSession& session) {
  TARN_ASSIGN_OR_RETURN(wire::Execute execute, session.BoundQuery());
  wire::RowsOutput* rows = execute.mutable_rows();
  rows->set_format(session.sink().format == RowFormat::kCsv ? wire::RowsOutput::FORMAT_CSV
                                                            : wire::RowsOutput::FORMAT_JSON_ROWS);
  rows->set_max_rows(session.spec().max_rows);
  return Stream(session, execute);
}

absl::Status Explain(StatementSession& session) {
  TARN_ASSIGN_OR_RETURN(wire::Execute execute, session.BoundQuery());
  execute.set_explain(true);
  return Stream(session, execute);
}

// Rows that no engine made.
absl::Status Emit(StatementSession& session, std::vector<ResultColumnInfo> columns,
                  const std::vector<std::vector<json>>& rows) {
  session.outcome().columns = std::move(columns);
  TARN_RETURN_IF_ERROR(session.sink().on_columns(session.outcome().columns));
  std::string data;
  if (session.sink().format == RowFormat::kCsv) data = CsvHeader(session.outcome().columns);
  for (const std::vector<json>& row : rows) {
    if (session.sink().format == RowFormat::kCsv) {
      data.append(CsvLine(row));
    } else {
      absl::StrAppend(&data, json(row).dump(-1, ' ', false, json::error_handler_t::replace), "\n");
    }
  }
  session.outcome().row_count = static_cast<int64_t>(rows.size());
  return data.empty() ? absl::OkStatus()
                      : session.sink().on_rows(std::move(data), session.outcome().row_count);
}

absl::Status DescribeQuery(StatementSession& session) {
  TARN_ASSIGN_OR_RETURN(wire::Execute execute, session.BoundQuery());
  TARN_ASSIGN_OR_RETURN(WorkerProcess * worker, session.Worker());
  TARN_ASSIGN_OR_RETURN(wire::ResultSchema schema,
                        worker->Describe(execute, session.context().stop));
  std::vector<std::vector<json>> rows;
  for (const wire::ResultSchema::Column& column : schema.columns()) {
    rows.push_back({column.name(), column.display_type()});
  }
  return Emit(session, {{"column_name", "string"}, {"column_type", "string"}}, rows);
}

absl::Status DescribeTable(StatementSession& session) {
  const Statement& statement = session.statement();
  TARN_ASSIGN_OR_RETURN(catalog::Table table,
                        session.catalog().GetTable(statement.target.database,
                                                   statement.target.table, session.credentials()));
  const bool managed = table.type() == catalog::TABLE_TYPE_MANAGED;
  std::vector<std::vector<json>> rows;
  for (const catalog::Field& field : table.schema().fields()) {
    json partition = nullptr;
    for (const catalog::PartitionField& part : table.partition_fields()) {
      if (part.source() == field.name())
        partition = part.transform().empty() ? "identity" : part.transform();
    }
    rows.push_back({field.name(), table_schema::DisplayTypeOf(field), !field.required(), partition,
                    field.doc().empty() ? json() : json(field.doc()),
                    managed && table_schema::IsSystemColumn(field)});
  }
  return Emit(session,
              {{"column_name", "string"},
               {"column_type", "string"},
               {"nullable", "boolean"},
               {"partition", "string"},
               {"comment", "string"},
               {"system", "boolean"}},
              rows);
}

absl::Status ShowDatabases(StatementSession& session) {
  TARN_ASSIGN_OR_RETURN(std::vector<catalog::Database> databases,
                        session.catalog().ListDatabases(session.credentials()));
  std::vector<std::vector<json>> rows;
  for (const catalog::Database& database : databases) {
    TARN_ASSIGN_OR_RETURN(std::string id, names::ParseDatabase(database.name()));
    rows.push_back({id, database.comment().empty() ? json() : json(database.comment())});
  }
  return Emit(session, {{"database_name", "string"}, {"comment", "string"}}, rows);
}

absl::Status ShowTables(StatementSession& session) {
  const std::string& database = session.statement().target.database;
  TARN_ASSIGN_OR_RETURN(
      std::vector<catalog::Table> tables,
      session.catalog().ListTables(database.empty() ? "-" : database, session.credentials()));
  std::vector<std::vector<json>> rows;
  for (const catalog::Table& table : tables) {
    TARN_ASSIGN_OR_RETURN(names::TableId id, names::ParseTable(table.name()));
    const char* type = table.type() == catalog::TABLE_TYPE_VIEW       ? "view"
                       : table.type() == catalog::TABLE_TYPE_EXTERNAL ? "external"
                                                                      : "managed";
    rows.push_back(
        {id.database, id.table, type, table.comment().empty() ? json() : json(table.comment())});
  }
  return Emit(session,
              {{"database_name", "string"},
               {"table_name", "string"},
               {"table_type", "string"},
               {"comment", "string"}},
              rows);
}

absl::Status Export(StatementSession& session) {
  const std::string& name = session.spec().export_file_name;
  TARN_RETURN_IF_ERROR(lake::ValidateRelativePath(name));
  if (name.find('/') != std::string::npos || name[0] == '.') {
    return InvalidArgument("EXPORT_NAME_INVALID",
                           "an export's file name has no folder and begins with no dot");
  }
  TARN_ASSIGN_OR_RETURN(wire::Execute execute, session.BoundQuery());
  TARN_ASSIGN_OR_RETURN(std::filesystem::path absolute,
                        session.lake().Join(session.export_folder()));
  const std::filesystem::path temporary = absolute / ("." + name);
  execute.mutable_file()->set_path(temporary.string());
  execute.mutable_file()->set_format(session.spec().export_format);
  TARN_ASSIGN_OR_RETURN(WorkerProcess * worker, session.Worker());
  TARN_ASSIGN_OR_RETURN(wire::Done done, worker->Execute(execute, session.context().stop, {}));
  TARN_RETURN_IF_ERROR(lake::PublishFile(temporary, absolute / name));
  session.outcome().row_count = done.row_count();
  session.outcome().export_path = absl::StrCat(session.export_folder(), "/", name);
  return absl::OkStatus();
}

}  // namespace

absl::Status RunReadStatement(StatementSession& session) {
  switch (session.statement().kind) {
    case StatementKind::kExplain:
      return Explain(session);
    case StatementKind::kDescribeQuery:
      return DescribeQuery(session);
    case StatementKind::kDescribeTable:
      return DescribeTable(session);
    case StatementKind::kShowDatabases:
      return ShowDatabases(session);
    case StatementKind::kShowTables:
      return ShowTables(session);
    default:
      return session.spec().export_format.empty() ? Select(session) : Export(session);
  }
}

}  // namespace tarn::query

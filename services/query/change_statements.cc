#include "services/query/change_statements.h"

#include <absl/strings/str_cat.h>

#include "common/names/names.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "common/table_schema/engine_types.h"
#include "services/query/table_writer.h"
#include "services/query/worker/worker_protocol.pb.h"

namespace tarn::query {
namespace {

namespace catalog = ::tarn::catalog::v1;
namespace wire = worker;

absl::Status IgnoreMissing(StatementSession& session, const absl::Status& status) {
  return session.statement().if_exists && status.code() == absl::StatusCode::kNotFound
             ? absl::OkStatus()
             : status;
}

absl::Status CreateDatabase(StatementSession& session) {
  const Statement& statement = session.statement();
  absl::Status status = session.catalog().CreateDatabase(
      statement.target.database, session.RequestId(), session.credentials());
  return statement.if_exists && status.code() == absl::StatusCode::kAlreadyExists ? absl::OkStatus()
                                                                                  : status;
}

absl::Status Drop(StatementSession& session) {
  const Statement& statement = session.statement();
  absl::StatusOr<catalog::Table> table = session.catalog().GetTable(
      statement.target.database, statement.target.table, session.credentials());
  if (!table.ok()) return IgnoreMissing(session, table.status());
  const bool is_view = table->type() == catalog::TABLE_TYPE_VIEW;
  if (is_view != (statement.kind == StatementKind::kDropView)) {
    return FailedPrecondition(
        "WRONG_KIND",
        absl::StrCat(statement.target.database, ".", statement.target.table,
                     is_view ? " is a view; use DROP VIEW" : " is a table; use DROP TABLE"));
  }
  return IgnoreMissing(session, session.catalog().DeleteTable(table->name(), session.RequestId(),
                                                              session.credentials()));
}

absl::Status CreateView(StatementSession& session) {
  const Statement& statement = session.statement();
  TARN_ASSIGN_OR_RETURN(wire::Execute execute, session.BoundQuery());
  TARN_ASSIGN_OR_RETURN(WorkerProcess * worker, session.Worker());
  TARN_ASSIGN_OR_RETURN(wire::ResultSchema schema,
                        worker->Describe(execute, session.context().stop));
  TARN_ASSIGN_OR_RETURN(table_schema::Fields fields, StorableFields(schema));
  catalog::CreateTableRequest create;
  create.set_request_id(session.RequestId());
  catalog::Table* view = create.mutable_table();
  view->set_name(names::Table(statement.target.database, statement.target.table));
  view->set_type(catalog::TABLE_TYPE_VIEW);
  table_schema::AssignFieldIds(fields, 0);
  *view->mutable_schema()->mutable_fields() = std::move(fields);
  view->mutable_view()->set_sql(statement.query);
  view->mutable_view()->set_default_database(session.spec().default_database);
  if (statement.or_replace) {
    auto existing = session.catalog().GetTable(statement.target.database, statement.target.table,
                                               session.credentials());
    if (existing.ok()) {
      if (existing->type() != catalog::TABLE_TYPE_VIEW) {
        return FailedPrecondition("WRONG_KIND",
                                  absl::StrCat(view->name(), " is a table and not a view"));
      }
      catalog::UpdateTableRequest update;
      update.set_request_id(session.RequestId());
      *update.mutable_table() = *view;
      update.mutable_update_mask()->add_paths("view");
      update.mutable_update_mask()->add_paths("schema");
      return session.catalog().UpdateTable(update, session.credentials()).status();
    }
  }
  absl::Status status = session.catalog().CreateTable(create, session.credentials()).status();
  return statement.if_exists && status.code() == absl::StatusCode::kAlreadyExists ? absl::OkStatus()
                                                                                  : status;
}

absl::Status CreateTable(StatementSession& session) {
  const Statement& statement = session.statement();
  std::vector<std::pair<std::string, std::string>> columns;
  for (const ColumnDefinition& column : statement.columns)
    columns.emplace_back(column.name, column.sql_type);
  TARN_ASSIGN_OR_RETURN(WorkerProcess * worker, session.Worker());
  TARN_ASSIGN_OR_RETURN(wire::ResultSchema schema,
                        worker->ParseTypes(columns, session.context().stop));
  TARN_ASSIGN_OR_RETURN(table_schema::Fields fields, StorableFields(schema));
  TARN_RETURN_IF_ERROR(RefuseSystemColumns(fields));
  for (size_t i = 0; i < statement.columns.size(); ++i) {
    fields[static_cast<int>(i)].set_required(statement.columns[i].required);
  }
  catalog::Table table = NewTable(statement, std::move(fields));
  if (statement.or_replace) {
    catalog::CommitTableRequest commit;
    commit.set_table(table.name());
    commit.set_operation(catalog::SNAPSHOT_OPERATION_OVERWRITE);
    commit.set_request_id(session.CommitKey());
    *commit.mutable_create_or_replace() = table;
    return session.catalog().CommitTable(commit, session.credentials()).status();
  }
  catalog::CreateTableRequest create;
  create.set_request_id(session.RequestId());
  *create.mutable_table() = table;
  absl::Status status = session.catalog().CreateTable(create, session.credentials()).status();
  return statement.if_exists && status.code() == absl::StatusCode::kAlreadyExists ? absl::OkStatus()
                                                                                  : status;
}

}  // namespace

absl::Status RunChangeStatement(StatementSession& session) {
  switch (session.statement().kind) {
    case StatementKind::kCreateDatabase:
      return CreateDatabase(session);
    case StatementKind::kDropDatabase:
      return IgnoreMissing(
          session, session.catalog().DeleteDatabase(session.statement().target.database,
                                                    session.RequestId(), session.credentials()));
    case StatementKind::kDropTable:
    case StatementKind::kDropView:
      return Drop(session);
    case StatementKind::kCreateView:
      return CreateView(session);
    default:
      return CreateTable(session);
  }
}

}  // namespace tarn::query

#include "services/query/statement_executor.h"

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/time/time.h>

#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/query/change_statements.h"
#include "services/query/read_statements.h"
#include "services/query/write_statement.h"

namespace tarn::query {
namespace {

enum class Family { kRead, kChange, kWrite };

Family FamilyOf(StatementKind kind) {
  switch (kind) {
    case StatementKind::kSelect:
    case StatementKind::kExplain:
    case StatementKind::kDescribeQuery:
    case StatementKind::kDescribeTable:
    case StatementKind::kShowDatabases:
    case StatementKind::kShowTables:
      return Family::kRead;
    case StatementKind::kCreateTableAs:
    case StatementKind::kInsert:
    case StatementKind::kInsertOverwrite:
      return Family::kWrite;
    case StatementKind::kCreateDatabase:
    case StatementKind::kCreateTable:
    case StatementKind::kCreateView:
    case StatementKind::kDropDatabase:
    case StatementKind::kDropTable:
    case StatementKind::kDropView:
      break;
  }
  return Family::kChange;
}

bool NamesATable(StatementKind kind) {
  return kind == StatementKind::kDescribeTable || FamilyOf(kind) == Family::kWrite ||
         kind == StatementKind::kCreateTable || kind == StatementKind::kCreateView ||
         kind == StatementKind::kDropTable || kind == StatementKind::kDropView;
}

// What is refused before anything is looked up.
absl::Status Validate(const QuerySpec& spec, const Statement& statement) {
  const Family family = FamilyOf(statement.kind);
  if (family == Family::kWrite && !spec.time_zone.empty() && spec.time_zone != "UTC") {
    return InvalidArgument(
        "TIME_ZONE_NOT_ALLOWED",
        "a statement that writes runs in UTC; convert with timezone('…', column) instead");
  }
  if (!spec.export_format.empty() && statement.kind != StatementKind::kSelect) {
    return InvalidArgument("EXPORT_NEEDS_SELECT", "only a SELECT can be exported to a file");
  }
  if (NamesATable(statement.kind) && statement.target.database.empty()) {
    return InvalidArgument("SQL_ERROR",
                           absl::StrCat("table ", statement.target.table,
                                        " has no database; write database.table, or give a default "
                                        "database"));
  }
  return absl::OkStatus();
}

absl::Status Run(StatementSession& session) {
  switch (FamilyOf(session.statement().kind)) {
    case Family::kRead:
      return RunReadStatement(session);
    case Family::kChange:
      return RunChangeStatement(session);
    case Family::kWrite:
      return RunWriteStatement(session);
  }
  return Internal("STATEMENT_UNHANDLED", "the statement is known but has no way to run");
}

}  // namespace

absl::Status StatementExecutor::Execute(const QuerySpec& spec, const ExecutionContext& context,
                                        const RowSink& sink, QueryOutcome* outcome) {
  const absl::Time begin = absl::Now();
  TARN_ASSIGN_OR_RETURN(Statement statement, ParseStatement(spec.sql));
  outcome->kind = statement.kind;
  outcome->kind_known = true;
  // SHOW TABLES without a database lists those of all.
  if (statement.target.database.empty()) statement.target.database = spec.default_database;
  TARN_RETURN_IF_ERROR(Validate(spec, statement));
  StatementSession session(resources_, spec, context, sink, std::move(statement), *outcome);
  absl::Status status = Run(session);
  const absl::Time ready = session.execution_begin();
  if (ready == absl::InfinitePast()) {
    outcome->planning_time = absl::Now() - begin;
  } else {
    outcome->planning_time = ready - begin;
    outcome->execution_time = absl::Now() - ready;
  }
  return status;
}

absl::StatusOr<std::optional<QueryOutcome>> StatementExecutor::FindCommitted(
    const QuerySpec& spec, const std::string& query_id, absl::Time begin,
    const rpc::Credentials& credentials) {
  const absl::StatusOr<Statement> statement = ParseStatement(spec.sql);
  if (!statement.ok() || FamilyOf(statement->kind) != Family::kWrite) return std::nullopt;
  SqlName target = statement->target;
  if (target.database.empty()) target.database = spec.default_database;
  if (target.database.empty()) return std::nullopt;
  TARN_ASSIGN_OR_RETURN(const auto snapshot,
                        FindCommitOf(query_id, target, begin, resources_.catalog, credentials));
  if (!snapshot.has_value()) return std::nullopt;
  QueryOutcome outcome;
  outcome.kind = statement->kind;
  outcome.kind_known = true;
  if (const auto rows = snapshot->summary().find("added-rows"); rows != snapshot->summary().end()) {
    (void)absl::SimpleAtoi(rows->second, &outcome.row_count);
  }
  outcome.written_snapshot =
      absl::StrCat(target.database, ".", target.table, "@", snapshot->snapshot_id());
  return outcome;
}

}  // namespace tarn::query

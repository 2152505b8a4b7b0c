#include "services/query/query_end.h"

#include <google/protobuf/util/time_util.h>

#include "common/status/error.h"

namespace tarn::query {
namespace {

namespace v1 = ::tarn::query::v1;
using google::protobuf::util::TimeUtil;
using ::tarn::common::v1::ExecutionState;

v1::StatementType TypeOf(StatementKind kind) {
  switch (kind) {
    case StatementKind::kSelect:
      return v1::STATEMENT_TYPE_SELECT;
    case StatementKind::kCreateTable:
      return v1::STATEMENT_TYPE_CREATE_TABLE;
    case StatementKind::kCreateTableAs:
      return v1::STATEMENT_TYPE_CREATE_TABLE_AS;
    case StatementKind::kInsert:
      return v1::STATEMENT_TYPE_INSERT;
    case StatementKind::kInsertOverwrite:
      return v1::STATEMENT_TYPE_INSERT_OVERWRITE;
    case StatementKind::kCreateView:
      return v1::STATEMENT_TYPE_CREATE_VIEW;
    case StatementKind::kDropTable:
    case StatementKind::kDropView:
    case StatementKind::kDropDatabase:
      return v1::STATEMENT_TYPE_DROP;
    case StatementKind::kCreateDatabase:
      return v1::STATEMENT_TYPE_CREATE_DATABASE;
    case StatementKind::kExplain:
      return v1::STATEMENT_TYPE_EXPLAIN;
    default:
      return v1::STATEMENT_TYPE_DESCRIBE;
  }
}

google::protobuf::Duration ToProto(absl::Duration duration) {
  return TimeUtil::MicrosecondsToDuration(absl::ToInt64Microseconds(duration));
}

}  // namespace

void FillOutcome(const QueryOutcome& outcome, v1::Query* query) {
  if (outcome.kind_known) query->set_statement_type(TypeOf(outcome.kind));
  v1::QueryStatistics* statistics = query->mutable_statistics();
  *statistics->mutable_planning_time() = ToProto(outcome.planning_time);
  *statistics->mutable_execution_time() = ToProto(outcome.execution_time);
  statistics->set_row_count(outcome.row_count);
  statistics->set_bytes_read(outcome.bytes_read);
  statistics->set_files_read(outcome.files_read);
  statistics->set_files_skipped(outcome.files_skipped);
  for (const ResultColumnInfo& column : outcome.columns) {
    v1::ResultColumn* described = query->add_columns();
    described->set_name(column.name);
    described->set_type(column.type);
  }
  for (const std::string& snapshot : outcome.snapshots) query->add_snapshots(snapshot);
  query->set_export_path(outcome.export_path);
  query->set_written_snapshot(outcome.written_snapshot);
}

ExecutionState StateOf(const absl::Status& status) {
  if (status.ok()) return ::tarn::common::v1::EXECUTION_STATE_SUCCEEDED;
  if (ErrorReason(status) == "QUERY_CANCELLED")
    return ::tarn::common::v1::EXECUTION_STATE_CANCELLED;
  if (ErrorReason(status) == "QUERY_TIMED_OUT")
    return ::tarn::common::v1::EXECUTION_STATE_TIMED_OUT;
  return ::tarn::common::v1::EXECUTION_STATE_FAILED;
}

std::string_view StateName(ExecutionState state) {
  switch (state) {
    case ::tarn::common::v1::EXECUTION_STATE_SUCCEEDED:
      return "SUCCEEDED";
    case ::tarn::common::v1::EXECUTION_STATE_CANCELLED:
      return "CANCELLED";
    case ::tarn::common::v1::EXECUTION_STATE_TIMED_OUT:
      return "TIMED_OUT";
    default:
      return "FAILED";
  }
}

void FillError(const absl::Status& status, v1::Query* query) {
  auto* error = query->mutable_error();
  error->set_code(static_cast<int>(status.code()));
  error->set_reason(ErrorReason(status));
  error->set_message(std::string(status.message()));
  for (auto& [key, value] : ErrorMetadataOf(status)) (*error->mutable_metadata())[key] = value;
}

}  // namespace tarn::query

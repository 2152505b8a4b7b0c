#include "services/transform/query_action.h"

#include <absl/strings/str_cat.h>
#include <grpcpp/client_context.h>
#include <grpcpp/support/sync_stream.h>

#include "common/names/names.h"
#include "common/status/error.h"
#include "services/transform/action_calls.h"
#include "services/transform/module_clients.h"
#include "services/transform/proto_time.h"
#include "services/transform/step_statement.h"

namespace tarn::transform {

namespace catalog = tarn::catalog::v1;
namespace query = tarn::query::v1;
using QueryStub = query::QueryService::Stub;

namespace {

// Of the rows that break an assertion, so many are shown, and so much of them.
constexpr int kShownRows = 5;
constexpr size_t kShownBytes = 2000;

// The first rows of a result, for people: its columns, then each row as JSON.
absl::StatusOr<std::string> DescribeFirstRows(auth::TokenProvider& tokens, ModuleClients& clients,
                                              const StepCall& call) {
  TARN_ASSIGN_OR_RETURN(rpc::Credentials credentials, OwnerCredentials(tokens, call));
  grpc::ClientContext context;
  rpc::PrepareContext(context, credentials, kCallTimeout);
  query::FetchResultsRequest request;
  request.set_name(call.record.work);
  request.set_format(query::RESULT_FORMAT_JSON_ROWS);
  request.set_max_rows(kShownRows);
  std::unique_ptr<grpc::ClientReader<query::ResultChunk>> reader =
      clients.query->FetchResults(&context, request);
  std::string columns;
  std::string rows;
  query::ResultChunk chunk;
  while (reader->Read(&chunk)) {
    for (const query::ResultColumn& column : chunk.schema().columns()) {
      absl::StrAppend(&columns, columns.empty() ? "" : ", ", column.name());
    }
    rows += chunk.rows().data();
  }
  if (grpc::Status status = reader->Finish(); !status.ok()) return rpc::FromGrpcStatus(status);
  if (rows.size() > kShownBytes) {
    size_t end = kShownBytes;
    // Not in the middle of a character.
    while (end > 0 && (static_cast<unsigned char>(rows[end]) & 0xC0) == 0x80) --end;
    rows = rows.substr(0, end) + "…";
  }
  while (!rows.empty() && rows.back() == '\n') rows.pop_back();
  return absl::StrCat("(", columns, ")\n", rows);
}

WorkError CheckFailed(const StepCall& call, const std::string& facts, int64_t row_count) {
  const std::string& message = call.step.check().message();
  return {.code = absl::StatusCode::kFailedPrecondition,
          .reason = "CHECK_FAILED",
          .message =
              absl::StrCat(message.empty() ? "the assertion does not hold" : message, ": ", facts),
          .metadata = {{"step", call.step.id()}, {"rows", absl::StrCat(row_count)}}};
}

}  // namespace

absl::StatusOr<std::string> QueryAction::Prepare(const StepCall& call) {
  bool table_exists = true;
  if (call.step.has_sql() && NeedsTableLookup(call.step.sql())) {
    TARN_ASSIGN_OR_RETURN(names::TableId table, names::ParseSqlName(call.step.sql().table()));
    catalog::GetTableRequest request;
    request.set_name(names::Table(table));
    absl::Status found = CallAsOwner(tokens_, call, *clients_.catalog,
                                     &catalog::CatalogService::Stub::GetTable, request)
                             .status();
    table_exists = !absl::IsNotFound(found);
    if (table_exists) TARN_RETURN_IF_ERROR(found);
  }
  return BuildStatementText(call.step, table_exists);
}

absl::StatusOr<std::string> QueryAction::Start(const StepCall& call) {
  query::StartQueryRequest request;
  TARN_ASSIGN_OR_RETURN(
      *request.mutable_statement(),
      BuildStatement(
          call.run.spec, call.step, call.record.statement, call.run.parameters,
          absl::StrCat(RunName(call.run.pipeline_id, call.run.id), "/", call.step.id())));
  request.set_request_id(call.RequestId());
  // A later attempt, after one whose outcome was lost, must not write the same rows again.
  request.mutable_statement()->set_commit_key(
      absl::StrCat("run:", call.run.id, ":", call.step.id()));
  TARN_ASSIGN_OR_RETURN(query::Query started, CallAsOwner(tokens_, call, *clients_.query,
                                                          &QueryStub::StartQuery, request));
  return started.name();
}

absl::StatusOr<std::optional<StepOutcome>> QueryAction::Poll(const StepCall& call,
                                                             absl::Duration wait) {
  query::GetQueryRequest request;
  request.set_name(call.record.work);
  *request.mutable_wait() = ToProtoDuration(wait);
  TARN_ASSIGN_OR_RETURN(query::Query found, CallAsOwner(tokens_, call, *clients_.query,
                                                        &QueryStub::GetQuery, request, wait));
  std::optional<StepOutcome> outcome = OutcomeOf(found.state(), found.error(), found.name());
  if (!outcome.has_value()) return outcome;
  outcome->row_count = found.statistics().row_count();
  if (call.step.has_export_() && !found.export_path().empty()) {
    outcome->output = found.export_path();
  }
  if (!call.step.has_check()) return outcome;
  if (outcome->state == ExecutionState::kSucceeded && outcome->row_count > 0) {
    TARN_ASSIGN_OR_RETURN(std::string rows, DescribeFirstRows(tokens_, clients_, call));
    outcome->state = ExecutionState::kFailed;
    outcome->error = CheckFailed(
        call, absl::StrCat(outcome->row_count, " row(s) break it, the first ones are ", rows),
        outcome->row_count);
  } else if (outcome->error.has_value() && outcome->error->reason == "RESULT_TOO_LARGE") {
    // More rows than a result may have: the assertion does not hold all the more.
    outcome->error =
        CheckFailed(call,
                    absl::StrCat("so many rows break it that they are not kept (",
                                 outcome->error->message, "); add a LIMIT to see the first ones"),
                    outcome->row_count);
  }
  return outcome;
}

absl::Status QueryAction::Cancel(const StepCall& call) {
  query::CancelQueryRequest request;
  request.set_name(call.record.work);
  return CallAsOwner(tokens_, call, *clients_.query, &QueryStub::CancelQuery, request).status();
}

}  // namespace tarn::transform

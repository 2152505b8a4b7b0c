#include "services/alerting/evaluation/query_runner.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>
#include <grpcpp/client_context.h>

#include "tarn/query/v1/query_service.grpc.pb.h"

#include "common/auth/token_provider.h"
#include "common/ids/ids.h"
#include "common/rpc/client.h"
#include "common/rpc/service_directory.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"

namespace tarn::alerting {
namespace {

namespace query = tarn::query::v1;

// Query ends a statement that takes too long with a better message than a deadline would.
constexpr absl::Duration kDeadlineMargin = absl::Seconds(5);
constexpr size_t kMaxResultBytes = 16 * 1024 * 1024;

query::ExecuteQueryRequest RequestOf(const QueryRunner::Request& request, absl::Duration timeout) {
  query::ExecuteQueryRequest proto;
  query::Statement* statement = proto.mutable_statement();
  statement->set_sql(request.sql);
  statement->set_default_database(request.default_database);
  statement->set_source(request.source);
  statement->mutable_limits()->set_max_rows(kMaxRows);
  google::protobuf::Duration* limit = statement->mutable_limits()->mutable_timeout();
  limit->set_seconds(absl::ToInt64Seconds(timeout));
  limit->set_nanos(
      static_cast<int>(absl::ToInt64Nanoseconds(timeout - absl::Seconds(limit->seconds()))));
  proto.set_format(query::RESULT_FORMAT_JSON_ROWS);
  return proto;
}

absl::Status TooLarge(std::string_view what) {
  return InvalidArgument("RESULT_TOO_LARGE",
                         absl::StrCat("the result has more than ", std::string(what),
                                      "; aggregate or filter in the rule's SQL"));
}

absl::Status ReadChunks(grpc::ClientReader<query::ResultChunk>& reader, ResultTable* table) {
  query::ResultChunk chunk;
  size_t bytes = 0;
  while (reader.Read(&chunk)) {
    if (chunk.has_schema()) {
      for (const query::ResultColumn& column : chunk.schema().columns()) {
        table->columns.push_back({column.name(), column.type()});
      }
    }
    if (!chunk.has_rows()) continue;
    bytes += chunk.rows().data().size();
    for (absl::string_view line : absl::StrSplit(chunk.rows().data(), '\n', absl::SkipEmpty())) {
      table->rows.emplace_back(line);
    }
    if (table->rows.size() > kMaxRows) return TooLarge(absl::StrCat(kMaxRows, " rows"));
    if (bytes > kMaxResultBytes) return TooLarge("16 MiB");
  }
  return absl::OkStatus();
}

}  // namespace

void QueryCancellation::Cancel() {
  std::lock_guard lock(mutex_);
  cancelled_ = true;
  if (context_ != nullptr) context_->TryCancel();
}

bool QueryCancellation::Attach(grpc::ClientContext* context) {
  std::lock_guard lock(mutex_);
  if (cancelled_) return false;
  context_ = context;
  return true;
}

void QueryCancellation::Detach() {
  std::lock_guard lock(mutex_);
  context_ = nullptr;
}

absl::StatusOr<ResultTable> QueryRunner::Run(const Request& request,
                                             QueryCancellation& cancellation) {
  TARN_ASSIGN_OR_RETURN(std::string token, tokens_.TokenFor(request.workspace, request.owner));
  std::unique_ptr<query::QueryService::Stub> stub =
      query::QueryService::NewStub(services_.ChannelFor("query"));
  grpc::ClientContext context;
  rpc::PrepareContext(context, {std::move(token), NewUuid()}, timeout_ + kDeadlineMargin);
  if (!cancellation.Attach(&context)) return absl::CancelledError("the evaluation was stopped");
  ResultTable table;
  std::unique_ptr<grpc::ClientReader<query::ResultChunk>> reader =
      stub->ExecuteQuery(&context, RequestOf(request, timeout_));
  absl::Status read = ReadChunks(*reader, &table);
  if (!read.ok()) context.TryCancel();
  grpc::Status end = reader->Finish();
  cancellation.Detach();
  TARN_RETURN_IF_ERROR(read);
  absl::Status status = rpc::FromGrpcStatus(end);
  if (ErrorReason(status) == "RESULT_TOO_LARGE") return TooLarge(absl::StrCat(kMaxRows, " rows"));
  TARN_RETURN_IF_ERROR(status);
  return table;
}

}  // namespace tarn::alerting

#include "services/dashboard/render/grpc_query_runner.h"

#include <grpcpp/client_context.h>
#include <grpcpp/server_context.h>

#include "tarn/query/v1/query_service.grpc.pb.h"

#include "common/rpc/call_context.h"
#include "common/rpc/client.h"
#include "common/rpc/status_conversion.h"
#include "common/status/status_macros.h"
#include "services/dashboard/render/json_rows.h"

namespace tarn::dashboard {
namespace {

constexpr absl::Duration kTimeout = absl::Minutes(2);

query::v1::ExecuteQueryRequest RequestFor(const SqlStatement& statement,
                                          const std::string& source) {
  query::v1::ExecuteQueryRequest request;
  request.mutable_statement()->set_sql(statement.sql);
  for (const auto& [name, value] : statement.parameters) {
    (*request.mutable_statement()->mutable_parameters())[name].set_string_value(value);
  }
  request.mutable_statement()->set_source(source);
  request.set_format(query::v1::RESULT_FORMAT_JSON_ROWS);
  return request;
}

absl::Status Take(const query::v1::ResultChunk& chunk, QueryRows& rows) {
  if (chunk.has_query()) rows.query = chunk.query().name();
  for (const query::v1::ResultColumn& column : chunk.schema().columns()) {
    rows.columns.push_back({column.name(), column.type()});
  }
  if (chunk.has_rows()) return AppendJsonRows(chunk.rows().data(), rows.rows);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<QueryRows> GrpcQueryRunner::Run(const rpc::CallContext& call,
                                               const SqlStatement& statement,
                                               const std::string& source) {
  // Derived from the call, so that a client that goes away takes its queries with it.
  std::unique_ptr<grpc::ClientContext> context =
      call.server_context == nullptr ? std::make_unique<grpc::ClientContext>()
                                     : grpc::ClientContext::FromServerContext(*call.server_context);
  const absl::Duration left = call.deadline - absl::Now();
  rpc::PrepareContext(*context, call.credentials(), std::min(kTimeout, left));
  auto stub = query::v1::QueryService::NewStub(query_());
  auto reader = stub->ExecuteQuery(context.get(), RequestFor(statement, source));
  QueryRows rows;
  absl::Status taken;
  query::v1::ResultChunk chunk;
  while (taken.ok() && reader->Read(&chunk)) taken = Take(chunk, rows);
  if (!taken.ok()) context->TryCancel();
  grpc::Status finished = reader->Finish();
  TARN_RETURN_IF_ERROR(taken);
  TARN_RETURN_IF_ERROR(rpc::FromGrpcStatus(finished));
  return rows;
}

}  // namespace tarn::dashboard

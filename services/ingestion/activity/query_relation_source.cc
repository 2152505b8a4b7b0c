#include "services/ingestion/activity/query_relation_source.h"

#include <algorithm>
#include <array>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <grpcpp/client_context.h>

#include "tarn/query/v1/query_service.grpc.pb.h"

#include "common/duckdb/sql_text.h"
#include "common/ids/ids.h"
#include "common/names/names.h"
#include "common/rpc/client.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"

namespace tarn::ingestion {
namespace {

constexpr absl::Duration kTimeout = absl::Seconds(60);

absl::Status TooLarge(const std::string& table) {
  return ResourceExhausted(
      "LOOKUP_TOO_LARGE",
      absl::StrCat("a look-up takes at most ", kMaxRelationRows, " rows and ",
                   kMaxRelationBytes >> 20, " MiB, but ", table,
                   " has more; look up a view of it that has less, or join them in a query"),
      {{"table", table}});
}

// Types that a value of one JSON line stands for as text.
bool IsPlainType(const std::string& type) {
  static constexpr auto kTypes =
      std::to_array<std::string_view>({"boolean", "int", "long", "float", "double", "date", "time",
                                       "timestamp", "timestamptz", "string", "uuid"});
  return absl::StartsWith(type, "decimal(") ||
         std::find(kTypes.begin(), kTypes.end(), type) != kTypes.end();
}

}  // namespace

absl::StatusOr<RelationRows> QueryRelationSource::Query(const std::string& workspace,
                                                        const std::string& owner,
                                                        const std::string& table,
                                                        const std::vector<std::string>& columns,
                                                        int64_t limit) {
  TARN_ASSIGN_OR_RETURN(const auto name, names::ParseTable(table));
  TARN_ASSIGN_OR_RETURN(std::string token, tokens_.TokenFor(workspace, owner));
  std::string list;
  for (const std::string& column : columns) {
    absl::StrAppend(&list, list.empty() ? "" : ", ", duckdb::QuoteIdentifier(column));
  }
  query::v1::ExecuteQueryRequest request;
  query::v1::Statement& statement = *request.mutable_statement();
  statement.set_sql(absl::StrCat("SELECT ", list, " FROM ", duckdb::QuoteIdentifier(name.database),
                                 ".", duckdb::QuoteIdentifier(name.table), " LIMIT ", limit));
  statement.set_source("look-up of a stream");
  statement.mutable_limits()->mutable_timeout()->set_seconds(absl::ToInt64Seconds(kTimeout));
  request.set_format(query::v1::RESULT_FORMAT_JSON_ROWS);

  const auto stub = query::v1::QueryService::NewStub(services_.ChannelFor("query"));
  grpc::ClientContext context;
  rpc::PrepareContext(context, {std::move(token), NewUuid()}, kTimeout + absl::Seconds(5));
  const auto reader = stub->ExecuteQuery(&context, request);
  RelationRows rows;
  query::v1::ResultChunk chunk;
  int64_t bytes = 0;
  while (reader->Read(&chunk)) {
    if (chunk.has_schema()) {
      for (const query::v1::ResultColumn& column : chunk.schema().columns()) {
        table_schema::Field& field = *rows.fields.Add();
        field.set_name(column.name());
        field.set_type(column.type());
      }
    }
    if (!chunk.has_rows()) continue;
    rows.row_count += chunk.rows().row_count();
    bytes += static_cast<int64_t>(chunk.rows().data().size());
    if (rows.row_count > kMaxRelationRows || bytes > kMaxRelationBytes) {
      context.TryCancel();
      reader->Finish();
      return TooLarge(table);
    }
    rows.batches.push_back(std::move(*chunk.mutable_rows()->mutable_data()));
  }
  TARN_RETURN_IF_ERROR(rpc::FromGrpcStatus(reader->Finish()));
  if (rows.fields.size() != static_cast<int>(columns.size())) {
    return Internal("NO_RESULT_COLUMNS",
                    absl::StrCat("query gave ", rows.fields.size(), " columns of ", table,
                                 " instead of ", columns.size()));
  }
  for (const table_schema::Field& field : rows.fields) {
    if (IsPlainType(field.type())) continue;
    return InvalidArgument("TYPE_NOT_SUPPORTED",
                           absl::StrCat("the column ", field.name(), " of ", table, " is ",
                                        field.type(), "; a look-up takes plain values"));
  }
  return rows;
}

absl::StatusOr<table_schema::Fields> QueryRelationSource::DescribeTable(
    const std::string& workspace, const std::string& owner, const std::string& table,
    const std::vector<std::string>& columns) {
  TARN_ASSIGN_OR_RETURN(RelationRows rows, Query(workspace, owner, table, columns, 0));
  return std::move(rows.fields);
}

absl::StatusOr<RelationRows> QueryRelationSource::ReadTable(
    const std::string& workspace, const std::string& owner, const std::string& table,
    const std::vector<std::string>& columns) {
  return Query(workspace, owner, table, columns, kMaxRelationRows + 1);
}

absl::StatusOr<DeviceSnapshotPtr> QueryRelationSource::Devices(const std::string& workspace) {
  return devices_.Snapshot(workspace);
}

}  // namespace tarn::ingestion

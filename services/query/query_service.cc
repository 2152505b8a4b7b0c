#include "services/query/query_service.h"

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <grpcpp/grpcpp.h>

#include "common/names/names.h"
#include "common/page_token/page_token.h"
#include "common/postgres/storage_opener.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/query/csv_rows.h"

namespace tarn::query {

namespace v1 = ::tarn::query::v1;
using rpc::Access;
using rpc::CallContext;

namespace {

absl::StatusOr<std::string> QueryId(const std::string& name) {
  TARN_ASSIGN_OR_RETURN(std::vector<std::string> parts, names::Parse("queries/{query}", name));
  return parts[0];
}

absl::Duration ToDuration(const google::protobuf::Duration& duration) {
  return absl::Seconds(duration.seconds()) + absl::Nanoseconds(duration.nanos());
}

// Messages to a caller of a stream; a caller that has gone ends the call.
class ChunkWriter {
 public:
  explicit ChunkWriter(grpc::ServerWriter<v1::ResultChunk>* writer) : writer_(writer) {}

  absl::Status Query(const v1::Query& query) {
    v1::ResultChunk chunk;
    *chunk.mutable_query() = query;
    return Write(chunk);
  }
  absl::Status Columns(const std::vector<ResultColumnInfo>& columns) {
    v1::ResultChunk chunk;
    for (const ResultColumnInfo& column : columns) {
      v1::ResultColumn* described = chunk.mutable_schema()->add_columns();
      described->set_name(column.name);
      described->set_type(column.type);
    }
    chunk.mutable_schema();
    return Write(chunk);
  }
  absl::Status Rows(std::string data, int64_t count) {
    v1::ResultChunk chunk;
    chunk.mutable_rows()->set_data(std::move(data));
    chunk.mutable_rows()->set_row_count(count);
    return Write(chunk);
  }

 private:
  absl::Status Write(const v1::ResultChunk& chunk) {
    if (writer_->Write(chunk)) return absl::OkStatus();
    return MakeError(absl::StatusCode::kCancelled, "QUERY_CANCELLED", "the caller has gone");
  }
  grpc::ServerWriter<v1::ResultChunk>* const writer_;
};

}  // namespace

grpc::Status QueryServiceImpl::Handle(
    grpc::ServerContext* context, rpc::MethodInfo method,
    absl::FunctionRef<absl::Status(const CallContext&)> body) const {
  return handler_.Handle(context, method, [&](const CallContext& call) -> absl::Status {
    TARN_RETURN_IF_ERROR(storage_.Check());
    return body(call);
  });
}

grpc::Status QueryServiceImpl::StartQuery(grpc::ServerContext* context,
                                          const v1::StartQueryRequest* request,
                                          v1::Query* response) {
  return Handle(
      context, {"StartQuery", Access::kRead}, [&](const CallContext& call) -> absl::Status {
        TARN_ASSIGN_OR_RETURN(
            QueryRecord record,
            manager_->StartQuery(call.caller, request->statement(), request->request_id()));
        *response = std::move(record.query);
        return absl::OkStatus();
      });
}

grpc::Status QueryServiceImpl::GetQuery(grpc::ServerContext* context,
                                        const v1::GetQueryRequest* request, v1::Query* response) {
  return Handle(context, {"GetQuery", Access::kRead}, [&](const CallContext& call) -> absl::Status {
    TARN_ASSIGN_OR_RETURN(std::string id, QueryId(request->name()));
    TARN_ASSIGN_OR_RETURN(QueryRecord record,
                          manager_->Get(call.caller, id, ToDuration(request->wait()),
                                        [&call] { return call.IsCancelled(); }));
    *response = std::move(record.query);
    return absl::OkStatus();
  });
}

grpc::Status QueryServiceImpl::CancelQuery(grpc::ServerContext* context,
                                           const v1::CancelQueryRequest* request,
                                           v1::Query* response) {
  return Handle(context, {"CancelQuery", Access::kRead},
                [&](const CallContext& call) -> absl::Status {
                  TARN_ASSIGN_OR_RETURN(std::string id, QueryId(request->name()));
                  TARN_ASSIGN_OR_RETURN(QueryRecord record, manager_->Cancel(call.caller, id));
                  *response = std::move(record.query);
                  return absl::OkStatus();
                });
}

grpc::Status QueryServiceImpl::ListQueries(grpc::ServerContext* context,
                                           const v1::ListQueriesRequest* request,
                                           v1::ListQueriesResponse* response) {
  return Handle(context, {"ListQueries", Access::kRead},
                [&](const CallContext& call) -> absl::Status {
                  if (request->source().size() > 200) {
                    return InvalidFields({{"source", "is longer than 200 characters"}});
                  }
                  QueryFilter filter;
                  filter.user = request->user();
                  filter.state = request->state();
                  filter.source = request->source();
                  TARN_ASSIGN_OR_RETURN(const int page_size, PageSize(request->page_size(), 50));
                  filter.limit = page_size + 1;
                  const std::string fingerprint =
                      QueryFingerprint({"queries", call.caller.workspace, request->user(),
                                        absl::StrCat(request->state()), request->source()});
                  TARN_ASSIGN_OR_RETURN(std::string cursor,
                                        DecodePageToken(fingerprint, request->page_token()));
                  if (const size_t space = cursor.find(' '); space != std::string::npos) {
                    int64_t micros = 0;
                    if (absl::SimpleAtoi(cursor.substr(0, space), &micros))
                      filter.before_time = absl::FromUnixMicros(micros);
                    filter.before_id = cursor.substr(space + 1);
                  }
                  TARN_ASSIGN_OR_RETURN(std::vector<QueryRecord> records,
                                        manager_->List(call.caller, filter));
                  const bool more = records.size() > static_cast<size_t>(page_size);
                  if (more) records.pop_back();
                  if (more) {
                    const auto& time = records.back().query.times().create_time();
                    response->set_next_page_token(EncodePageToken(
                        fingerprint, absl::StrCat(time.seconds() * 1'000'000 + time.nanos() / 1000,
                                                  " ", records.back().id)));
                  }
                  for (QueryRecord& record : records)
                    *response->add_queries() = std::move(record.query);
                  return absl::OkStatus();
                });
}

grpc::Status QueryServiceImpl::FetchResults(grpc::ServerContext* context,
                                            const v1::FetchResultsRequest* request,
                                            grpc::ServerWriter<v1::ResultChunk>* writer) {
  return Handle(context, {"FetchResults", Access::kRead},
                [&](const CallContext& call) -> absl::Status {
                  TARN_ASSIGN_OR_RETURN(std::string id, QueryId(request->name()));
                  if (request->skip_rows() < 0)
                    return InvalidFields({{"skip_rows", "is negative"}});
                  if (request->max_rows() < 0) return InvalidFields({{"max_rows", "is negative"}});
                  ChunkWriter chunks(writer);
                  const bool csv = request->format() == v1::RESULT_FORMAT_CSV;
                  return manager_->ReadResult(
                      call.caller, id, request->skip_rows(), request->max_rows(),
                      [&](const QueryRecord& record) -> absl::Status {
                        TARN_RETURN_IF_ERROR(chunks.Query(record.query));
                        std::vector<ResultColumnInfo> columns;
                        for (const auto& column : record.query.columns())
                          columns.push_back({column.name(), column.type()});
                        TARN_RETURN_IF_ERROR(chunks.Columns(columns));
                        return csv ? chunks.Rows(CsvHeader(columns), 0) : absl::OkStatus();
                      },
                      [&](std::string rows, int64_t count) {
                        return chunks.Rows(csv ? JsonRowsToCsv(rows) : std::move(rows), count);
                      });
                });
}

grpc::Status QueryServiceImpl::ExecuteQuery(grpc::ServerContext* context,
                                            const v1::ExecuteQueryRequest* request,
                                            grpc::ServerWriter<v1::ResultChunk>* writer) {
  return Handle(
      context, {"ExecuteQuery", Access::kRead}, [&](const CallContext& call) -> absl::Status {
        ChunkWriter chunks(writer);
        RowSink sink;
        sink.on_columns = [&](const std::vector<ResultColumnInfo>& columns) {
          return chunks.Columns(columns);
        };
        sink.on_rows = [&](std::string data, int64_t count) {
          return chunks.Rows(std::move(data), count);
        };
        const RowFormat format =
            request->format() == v1::RESULT_FORMAT_CSV ? RowFormat::kCsv : RowFormat::kJsonRows;
        TARN_ASSIGN_OR_RETURN(
            QueryRecord record,
            manager_->Execute(
                call, request->statement(), format,
                [&](const QueryRecord& begun) { return chunks.Query(begun.query); }, sink));
        return chunks.Query(record.query);
      });
}

}  // namespace tarn::query

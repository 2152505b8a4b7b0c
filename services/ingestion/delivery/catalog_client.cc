#include "services/ingestion/delivery/catalog_client.h"

#include "common/logging/logging.h"
#include "common/rpc/client.h"
#include "common/status/status_macros.h"
#include "common/table_schema/system_columns.h"

namespace tarn::ingestion {

using catalog::v1::CatalogService;

namespace {

constexpr absl::Duration kScanTimeout = absl::Minutes(2);

}  // namespace

CatalogClient::CatalogClient(std::shared_ptr<grpc::Channel> channel, auth::TokenProvider& tokens)
    : stub_(CatalogService::NewStub(channel)), tokens_(tokens) {}

template <typename Response, typename Method, typename Request>
absl::StatusOr<Response> CatalogClient::Call(const Stream& stream, Method method,
                                             const Request& request) {
  TARN_ASSIGN_OR_RETURN(std::string token, tokens_.TokenFor(stream.workspace, stream.owner));
  return rpc::Call(*stub_, method, request,
                   rpc::Credentials{std::move(token), logging::CurrentRequestId()});
}

absl::StatusOr<catalog::v1::Table> CatalogClient::GetTable(const Stream& stream,
                                                           const std::string& table) {
  catalog::v1::GetTableRequest request;
  request.set_name(table);
  return Call<catalog::v1::Table>(stream, &CatalogService::Stub::GetTable, request);
}

absl::StatusOr<catalog::v1::Table> CatalogClient::CreateTable(const Stream& stream,
                                                              const catalog::v1::Table& table) {
  catalog::v1::CreateTableRequest request;
  *request.mutable_table() = table;
  return Call<catalog::v1::Table>(stream, &CatalogService::Stub::CreateTable, request);
}

absl::StatusOr<std::optional<uint64_t>> CatalogClient::GetLogPosition(const Stream& stream,
                                                                      const std::string& table,
                                                                      const std::string& log_id) {
  catalog::v1::GetLogPositionRequest request;
  request.set_table(table);
  request.set_log_id(log_id);
  TARN_ASSIGN_OR_RETURN(const auto response,
                        Call<catalog::v1::GetLogPositionResponse>(
                            stream, &CatalogService::Stub::GetLogPosition, request));
  if (!response.has_position()) return std::nullopt;
  return static_cast<uint64_t>(response.position());
}

absl::StatusOr<catalog::v1::Table> CatalogClient::Commit(
    const Stream& stream, const catalog::v1::CommitTableRequest& request) {
  TARN_ASSIGN_OR_RETURN(auto response, Call<catalog::v1::CommitTableResponse>(
                                           stream, &CatalogService::Stub::CommitTable, request));
  return std::move(*response.mutable_table());
}

absl::StatusOr<CatalogClient::Scan> CatalogClient::PlanScan(const Stream& stream,
                                                            const std::string& table,
                                                            absl::Time start, absl::Time end) {
  catalog::v1::PlanScanRequest request;
  request.set_table(table);
  const auto add = [&](catalog::v1::PredicateOperator comparison, absl::Time time) {
    catalog::v1::ScanPredicate& predicate = *request.add_predicates();
    predicate.set_column(std::string(table_schema::kIngestedAtColumn));
    predicate.set_operator_(comparison);
    predicate.add_values(absl::FormatTime("%Y-%m-%d %H:%M:%E6S+00", time, absl::UTCTimeZone()));
  };
  add(catalog::v1::PREDICATE_OPERATOR_GREATER_OR_EQUAL, start);
  add(catalog::v1::PREDICATE_OPERATOR_LESS, end);
  TARN_ASSIGN_OR_RETURN(std::string token, tokens_.TokenFor(stream.workspace, stream.owner));
  grpc::ClientContext context;
  rpc::PrepareContext(context, {std::move(token), logging::CurrentRequestId()}, kScanTimeout);
  const auto reader = stub_->PlanScan(&context, request);
  Scan scan;
  catalog::v1::PlanScanResponse message;
  while (reader->Read(&message)) {
    if (message.has_table()) scan.table = std::move(*message.mutable_table());
    for (catalog::v1::DataFile& file : *message.mutable_files()) {
      scan.files.push_back(std::move(file));
    }
  }
  const grpc::Status status = reader->Finish();
  if (!status.ok()) return rpc::FromGrpcStatus(status);
  return scan;
}

}  // namespace tarn::ingestion

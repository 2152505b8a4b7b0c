#include "services/ingestion/delivery/catalog_client.h"

#include "common/logging/logging.h"
#include "common/rpc/client.h"
#include "common/status/status_macros.h"

namespace tarn::ingestion {

using catalog::v1::CatalogService;

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

}  // namespace tarn::ingestion

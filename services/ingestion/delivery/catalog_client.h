// The catalog as a delivery needs it, called as the owner of the stream. Thread safe; blocking.
// Errors are the catalog's with their reasons; UNAVAILABLE while it, or a token, cannot be had.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "tarn/catalog/v1/catalog_service.grpc.pb.h"

#include "common/auth/token_provider.h"
#include "services/ingestion/stream/stream.h"

namespace tarn::ingestion {

class CatalogClient {
 public:
  CatalogClient(std::shared_ptr<grpc::Channel> channel, auth::TokenProvider& tokens);

  absl::StatusOr<catalog::v1::Table> GetTable(const Stream& stream, const std::string& table);
  absl::StatusOr<catalog::v1::Table> CreateTable(const Stream& stream,
                                                 const catalog::v1::Table& table);
  // Nothing when the log never delivered to the table.
  absl::StatusOr<std::optional<uint64_t>> GetLogPosition(const Stream& stream,
                                                         const std::string& table,
                                                         const std::string& log_id);
  absl::StatusOr<catalog::v1::Table> Commit(const Stream& stream,
                                            const catalog::v1::CommitTableRequest& request);
  // The files of the table's present snapshot that may hold rows that arrived in [start, end).
  struct Scan {
    catalog::v1::Table table;
    std::vector<catalog::v1::DataFile> files;
  };
  absl::StatusOr<Scan> PlanScan(const Stream& stream, const std::string& table, absl::Time start,
                                absl::Time end);

 private:
  template <typename Response, typename Method, typename Request>
  absl::StatusOr<Response> Call(const Stream& stream, Method method, const Request& request);

  const std::unique_ptr<catalog::v1::CatalogService::Stub> stub_;
  auth::TokenProvider& tokens_;
};

}  // namespace tarn::ingestion

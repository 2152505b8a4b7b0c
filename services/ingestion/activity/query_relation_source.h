// Look-ups' tables by query, with the rights of the streams' owners, and devices from the registry.
// Thread safe; blocking. Everything referred to outlives it.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tarn/query/v1/query_service.pb.h"

#include "common/auth/token_provider.h"
#include "common/rpc/service_directory.h"
#include "services/ingestion/activity/relation_source.h"
#include "services/ingestion/device/device_registry.h"

namespace tarn::ingestion {

class QueryRelationSource : public RelationSource {
 public:
  QueryRelationSource(rpc::ServiceDirectory& services, auth::TokenProvider& tokens,
                      DeviceRegistry& devices)
      : services_(services), tokens_(tokens), devices_(devices) {}

  absl::StatusOr<table_schema::Fields> DescribeTable(
      const std::string& workspace, const std::string& owner, const std::string& table,
      const std::vector<std::string>& columns) override;
  absl::StatusOr<RelationRows> ReadTable(const std::string& workspace, const std::string& owner,
                                         const std::string& table,
                                         const std::vector<std::string>& columns) override;
  absl::StatusOr<DeviceSnapshotPtr> Devices(const std::string& workspace) override;

 private:
  absl::StatusOr<RelationRows> Query(const std::string& workspace, const std::string& owner,
                                     const std::string& table,
                                     const std::vector<std::string>& columns, int64_t limit);

  rpc::ServiceDirectory& services_;
  auth::TokenProvider& tokens_;
  DeviceRegistry& devices_;
};

}  // namespace tarn::ingestion

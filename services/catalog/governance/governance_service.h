// The RPCs of governance: decode, call PolicyManager, encode. No SQL, no rules.
//
// Every method admits viewers: who may do what is for PolicyManager to say, since a viewer may own
// a table or hold a grant option. Synchronous; any number of threads. What it refers to outlives
// it.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include <absl/status/status.h>

#include "tarn/catalog/v1/governance_service.grpc.pb.h"

#include "common/duckdb/lazy_database.h"
#include "common/rpc/call_handler.h"
#include "services/catalog/governance/policy_manager.h"
#include "services/catalog/storage.h"

namespace tarn::catalog {

class GovernanceService final : public v1::GovernanceService::Service {
 public:
  // `engine` is that of PolicyEngineOptions.
  GovernanceService(rpc::CallHandlerOptions handler, Storage& storage,
                    duckdb::LazyDatabase& engine);

#define TARN_GOVERNANCE_METHOD(name, Request, Response) \
  grpc::Status name(grpc::ServerContext*, const v1::Request*, v1::Response*) override
  TARN_GOVERNANCE_METHOD(CreateGrant, CreateGrantRequest, Grant);
  TARN_GOVERNANCE_METHOD(GetGrant, GetGrantRequest, Grant);
  TARN_GOVERNANCE_METHOD(ListGrants, ListGrantsRequest, ListGrantsResponse);
  TARN_GOVERNANCE_METHOD(UpdateGrant, UpdateGrantRequest, Grant);
  TARN_GOVERNANCE_METHOD(DeleteGrant, DeleteGrantRequest, DeleteGrantResponse);
  TARN_GOVERNANCE_METHOD(CreateRowFilter, CreateRowFilterRequest, RowFilter);
  TARN_GOVERNANCE_METHOD(GetRowFilter, GetRowFilterRequest, RowFilter);
  TARN_GOVERNANCE_METHOD(ListRowFilters, ListRowFiltersRequest, ListRowFiltersResponse);
  TARN_GOVERNANCE_METHOD(UpdateRowFilter, UpdateRowFilterRequest, RowFilter);
  TARN_GOVERNANCE_METHOD(DeleteRowFilter, DeleteRowFilterRequest, DeleteRowFilterResponse);
  TARN_GOVERNANCE_METHOD(CreateColumnMask, CreateColumnMaskRequest, ColumnMask);
  TARN_GOVERNANCE_METHOD(GetColumnMask, GetColumnMaskRequest, ColumnMask);
  TARN_GOVERNANCE_METHOD(ListColumnMasks, ListColumnMasksRequest, ListColumnMasksResponse);
  TARN_GOVERNANCE_METHOD(UpdateColumnMask, UpdateColumnMaskRequest, ColumnMask);
  TARN_GOVERNANCE_METHOD(DeleteColumnMask, DeleteColumnMaskRequest, DeleteColumnMaskResponse);
  TARN_GOVERNANCE_METHOD(ListPolicyVersions, ListPolicyVersionsRequest, ListPolicyVersionsResponse);
  TARN_GOVERNANCE_METHOD(GetEffectiveAccess, GetEffectiveAccessRequest, EffectiveAccess);
  TARN_GOVERNANCE_METHOD(ListAuditEntries, ListAuditEntriesRequest, ListAuditEntriesResponse);
#undef TARN_GOVERNANCE_METHOD

 private:
  // Lets go of an engine that is broken.
  absl::Status Checked(absl::Status status);
  // A call that reads in one transaction.
  grpc::Status Read(grpc::ServerContext* context, rpc::MethodInfo method,
                    const std::function<absl::Status(Transaction&, const rpc::CallContext&)>& body);
  // A call that changes something, once for each request_id.
  template <typename Request, typename Response>
  grpc::Status Write(grpc::ServerContext* context, std::string_view method, const Request& request,
                     Response* response,
                     const std::function<absl::StatusOr<Response>(PolicyManager&)>& body);

  // The standard methods of any kind.
  template <typename P, typename Request>
  grpc::Status Create(grpc::ServerContext* context, std::string_view method, const Request& request,
                      const P& policy, P* response);
  template <typename P>
  grpc::Status Get(grpc::ServerContext* context, std::string_view method, const std::string& name,
                   P* response);
  template <typename P, typename Request, typename Response>
  grpc::Status List(grpc::ServerContext* context, std::string_view method, const Request& request,
                    google::protobuf::RepeatedPtrField<P>* (Response::*policies)(),
                    Response* response);
  template <typename P, typename Request>
  grpc::Status Update(grpc::ServerContext* context, std::string_view method, const Request& request,
                      const P& policy, P* response);
  template <typename P, typename Request, typename Response>
  grpc::Status Delete(grpc::ServerContext* context, std::string_view method, const Request& request,
                      Response* response);

  rpc::CallHandler handler_;
  Storage& storage_;
  duckdb::LazyDatabase& engine_;
};

}  // namespace tarn::catalog

#include "services/catalog/governance/governance_service.h"

#include <limits>

#include <absl/strings/numbers.h>

#include "common/idempotency/idempotency.h"
#include "common/names/names.h"
#include "common/page_token/page_token.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/catalog/governance/audit_log.h"
#include "services/catalog/governance/policy_proto.h"
#include "services/catalog/governance/policy_validation.h"
#include "services/catalog/time_proto.h"

namespace tarn::catalog {
namespace {

using rpc::Access;
using rpc::CallContext;

auth::Caller CallerOf(const v1::Principal& principal, const std::string& workspace) {
  return {.workspace = workspace,
          .user = principal.user(),
          .groups = {principal.groups().begin(), principal.groups().end()},
          .roles = {principal.roles().begin(), principal.roles().end()},
          .attributes = {principal.attributes().begin(), principal.attributes().end()}};
}

// What numbers of newest-first lists are below on the first page.
absl::StatusOr<int64_t> BeforeOf(const std::string& cursor) {
  if (cursor.empty()) return std::numeric_limits<int64_t>::max();
  int64_t before = 0;
  if (absl::SimpleAtoi(cursor, &before)) return before;
  return InvalidArgument("INVALID_PAGE_TOKEN", "the page token is damaged; begin with none");
}

v1::Grant* MutableOf(v1::PolicyVersion* version, const v1::Grant*) {
  return version->mutable_grant();
}
v1::RowFilter* MutableOf(v1::PolicyVersion* version, const v1::RowFilter*) {
  return version->mutable_row_filter();
}
v1::ColumnMask* MutableOf(v1::PolicyVersion* version, const v1::ColumnMask*) {
  return version->mutable_column_mask();
}

// Whether there are more is known from one entry too many.
template <typename P>
absl::StatusOr<bool> ReadVersions(PolicyManager& manager, const std::string& name, int64_t before,
                                  int size, v1::ListPolicyVersionsResponse* response) {
  TARN_ASSIGN_OR_RETURN(std::vector<PolicyRecordVersion> versions,
                        manager.Versions<P>(name, before, size + 1));
  const bool more = versions.size() > static_cast<size_t>(size);
  if (more) versions.resize(size);
  for (const PolicyRecordVersion& version : versions) {
    v1::PolicyVersion* out = response->add_versions();
    out->set_version(version.record.version);
    *out->mutable_time() = ToTimestamp(version.record.update_time);
    out->set_user(version.changed_by);
    TARN_RETURN_IF_ERROR(PolicyFromRecord(version.record, PolicyTraits<P>::kWords.pattern,
                                          MutableOf(out, static_cast<const P*>(nullptr))));
  }
  return more;
}

// The versions of whatever kind `name` is of.
absl::StatusOr<bool> ReadVersionsOf(PolicyManager& manager, const std::string& name, int64_t before,
                                    int size, v1::ListPolicyVersionsResponse* response) {
  if (name.starts_with("rowFilters/")) {
    return ReadVersions<v1::RowFilter>(manager, name, before, size, response);
  }
  if (name.starts_with("columnMasks/")) {
    return ReadVersions<v1::ColumnMask>(manager, name, before, size, response);
  }
  if (name.starts_with("grants/")) {
    return ReadVersions<v1::Grant>(manager, name, before, size, response);
  }
  return InvalidArgument("INVALID_RESOURCE_NAME",
                         "'" + name +
                             "' is none of grants/{grant}, rowFilters/{row_filter} and "
                             "columnMasks/{column_mask}");
}

AuditFilter FilterOf(const v1::ListAuditEntriesRequest& request) {
  AuditFilter filter{
      .resource = request.resource(), .user = request.user(), .action = request.action()};
  if (request.has_start_time()) filter.start_time = FromTimestamp(request.start_time());
  if (request.has_end_time()) filter.end_time = FromTimestamp(request.end_time());
  return filter;
}

}  // namespace

GovernanceService::GovernanceService(rpc::CallHandlerOptions handler, Storage& storage,
                                     duckdb::LazyDatabase& engine)
    : handler_(std::move(handler)), storage_(storage), engine_(engine) {}

absl::Status GovernanceService::Checked(absl::Status status) {
  if (duckdb::IsEngineFatal(status)) engine_.Discard();
  return status;
}

grpc::Status GovernanceService::Read(
    grpc::ServerContext* context, rpc::MethodInfo method,
    const std::function<absl::Status(Transaction&, const CallContext&)>& body) {
  return handler_.Handle(context, method, [&](const CallContext& call) -> absl::Status {
    TARN_RETURN_IF_ERROR(storage_.Check());
    return Checked(storage_.pool().RunReadOnly(
        [&](Transaction& txn) -> absl::Status { return body(txn, call); }));
  });
}

template <typename Request, typename Response>
grpc::Status GovernanceService::Write(
    grpc::ServerContext* context, std::string_view method, const Request& request,
    Response* response, const std::function<absl::StatusOr<Response>(PolicyManager&)>& body) {
  return handler_.Handle(
      context, {method, Access::kRead}, [&](const CallContext& call) -> absl::Status {
        TARN_RETURN_IF_ERROR(storage_.Check());
        const idempotency::RequestKey key{call.caller.workspace, call.caller.user,
                                          std::string(method), request.request_id()};
        absl::StatusOr<Response> result = storage_.pool().Run([&](Transaction& txn) {
          return idempotency::Once<Response>(txn, "catalog", key, request, [&] {
            PolicyManager manager(txn, engine_, call.caller, call.request_id);
            return body(manager);
          });
        });
        TARN_RETURN_IF_ERROR(Checked(result.status()));
        *response = *std::move(result);
        return absl::OkStatus();
      });
}

template <typename P, typename Request>
grpc::Status GovernanceService::Create(grpc::ServerContext* context, std::string_view method,
                                       const Request& request, const P& policy, P* response) {
  return Write<Request, P>(context, method, request, response,
                           [&](PolicyManager& manager) { return manager.Create<P>(policy); });
}

template <typename P>
grpc::Status GovernanceService::Get(grpc::ServerContext* context, std::string_view method,
                                    const std::string& name, P* response) {
  return Read(context, {method, Access::kRead},
              [&](Transaction& txn, const CallContext& call) -> absl::Status {
                PolicyManager manager(txn, engine_, call.caller, call.request_id);
                TARN_ASSIGN_OR_RETURN(*response, manager.Get<P>(name));
                return absl::OkStatus();
              });
}

template <typename P, typename Request, typename Response>
grpc::Status GovernanceService::List(grpc::ServerContext* context, std::string_view method,
                                     const Request& request,
                                     google::protobuf::RepeatedPtrField<P>* (Response::*policies)(),
                                     Response* response) {
  return Read(context, {method, Access::kRead},
              [&](Transaction& txn, const CallContext& call) -> absl::Status {
                const std::string query = QueryFingerprint({method, request.resource()});
                TARN_ASSIGN_OR_RETURN(const std::string after,
                                      DecodePageToken(query, request.page_token()));
                TARN_ASSIGN_OR_RETURN(const int size, PageSize(request.page_size()));
                std::optional<PolicyObject> object;
                if (!request.resource().empty()) {
                  TARN_ASSIGN_OR_RETURN(object, ParsePolicyObject(request.resource()));
                }
                PolicyManager manager(txn, engine_, call.caller, call.request_id);
                TARN_ASSIGN_OR_RETURN(PolicyPage<P> page, manager.List<P>(object, after, size));
                response->Clear();
                for (P& policy : page.policies) *(response->*policies)()->Add() = std::move(policy);
                if (!page.next.empty()) {
                  response->set_next_page_token(EncodePageToken(query, page.next));
                }
                return absl::OkStatus();
              });
}

template <typename P, typename Request>
grpc::Status GovernanceService::Update(grpc::ServerContext* context, std::string_view method,
                                       const Request& request, const P& policy, P* response) {
  return Write<Request, P>(context, method, request, response, [&](PolicyManager& manager) {
    return manager.Update<P>(policy, request.update_mask());
  });
}

template <typename P, typename Request, typename Response>
grpc::Status GovernanceService::Delete(grpc::ServerContext* context, std::string_view method,
                                       const Request& request, Response* response) {
  return Write<Request, Response>(
      context, method, request, response, [&](PolicyManager& manager) -> absl::StatusOr<Response> {
        TARN_RETURN_IF_ERROR(manager.Delete<P>(request.name(), request.etag()));
        return Response();
      });
}

grpc::Status GovernanceService::CreateGrant(grpc::ServerContext* context,
                                            const v1::CreateGrantRequest* request,
                                            v1::Grant* response) {
  return Create(context, "CreateGrant", *request, request->grant(), response);
}

grpc::Status GovernanceService::GetGrant(grpc::ServerContext* context,
                                         const v1::GetGrantRequest* request, v1::Grant* response) {
  return Get(context, "GetGrant", request->name(), response);
}

grpc::Status GovernanceService::ListGrants(grpc::ServerContext* context,
                                           const v1::ListGrantsRequest* request,
                                           v1::ListGrantsResponse* response) {
  return List(context, "ListGrants", *request, &v1::ListGrantsResponse::mutable_grants, response);
}

grpc::Status GovernanceService::UpdateGrant(grpc::ServerContext* context,
                                            const v1::UpdateGrantRequest* request,
                                            v1::Grant* response) {
  return Update(context, "UpdateGrant", *request, request->grant(), response);
}

grpc::Status GovernanceService::DeleteGrant(grpc::ServerContext* context,
                                            const v1::DeleteGrantRequest* request,
                                            v1::DeleteGrantResponse* response) {
  return Delete<v1::Grant>(context, "DeleteGrant", *request, response);
}

grpc::Status GovernanceService::CreateRowFilter(grpc::ServerContext* context,
                                                const v1::CreateRowFilterRequest* request,
                                                v1::RowFilter* response) {
  return Create(context, "CreateRowFilter", *request, request->row_filter(), response);
}

grpc::Status GovernanceService::GetRowFilter(grpc::ServerContext* context,
                                             const v1::GetRowFilterRequest* request,
                                             v1::RowFilter* response) {
  return Get(context, "GetRowFilter", request->name(), response);
}

grpc::Status GovernanceService::ListRowFilters(grpc::ServerContext* context,
                                               const v1::ListRowFiltersRequest* request,
                                               v1::ListRowFiltersResponse* response) {
  return List(context, "ListRowFilters", *request, &v1::ListRowFiltersResponse::mutable_row_filters,
              response);
}

grpc::Status GovernanceService::UpdateRowFilter(grpc::ServerContext* context,
                                                const v1::UpdateRowFilterRequest* request,
                                                v1::RowFilter* response) {
  return Update(context, "UpdateRowFilter", *request, request->row_filter(), response);
}

grpc::Status GovernanceService::DeleteRowFilter(grpc::ServerContext* context,
                                                const v1::DeleteRowFilterRequest* request,
                                                v1::DeleteRowFilterResponse* response) {
  return Delete<v1::RowFilter>(context, "DeleteRowFilter", *request, response);
}

grpc::Status GovernanceService::CreateColumnMask(grpc::ServerContext* context,
                                                 const v1::CreateColumnMaskRequest* request,
                                                 v1::ColumnMask* response) {
  return Create(context, "CreateColumnMask", *request, request->column_mask(), response);
}

grpc::Status GovernanceService::GetColumnMask(grpc::ServerContext* context,
                                              const v1::GetColumnMaskRequest* request,
                                              v1::ColumnMask* response) {
  return Get(context, "GetColumnMask", request->name(), response);
}

grpc::Status GovernanceService::ListColumnMasks(grpc::ServerContext* context,
                                                const v1::ListColumnMasksRequest* request,
                                                v1::ListColumnMasksResponse* response) {
  return List(context, "ListColumnMasks", *request,
              &v1::ListColumnMasksResponse::mutable_column_masks, response);
}

grpc::Status GovernanceService::UpdateColumnMask(grpc::ServerContext* context,
                                                 const v1::UpdateColumnMaskRequest* request,
                                                 v1::ColumnMask* response) {
  return Update(context, "UpdateColumnMask", *request, request->column_mask(), response);
}

grpc::Status GovernanceService::DeleteColumnMask(grpc::ServerContext* context,
                                                 const v1::DeleteColumnMaskRequest* request,
                                                 v1::DeleteColumnMaskResponse* response) {
  return Delete<v1::ColumnMask>(context, "DeleteColumnMask", *request, response);
}

grpc::Status GovernanceService::ListPolicyVersions(grpc::ServerContext* context,
                                                   const v1::ListPolicyVersionsRequest* request,
                                                   v1::ListPolicyVersionsResponse* response) {
  return Read(context, {"ListPolicyVersions", Access::kRead},
              [&](Transaction& txn, const CallContext& call) -> absl::Status {
                const std::string query = QueryFingerprint({"versions", request->parent()});
                TARN_ASSIGN_OR_RETURN(const std::string cursor,
                                      DecodePageToken(query, request->page_token()));
                TARN_ASSIGN_OR_RETURN(const int64_t before, BeforeOf(cursor));
                TARN_ASSIGN_OR_RETURN(const int size, PageSize(request->page_size()));
                response->Clear();
                PolicyManager manager(txn, engine_, call.caller, call.request_id);
                TARN_ASSIGN_OR_RETURN(const bool more, ReadVersionsOf(manager, request->parent(),
                                                                      before, size, response));
                if (more) {
                  const int64_t last = response->versions().rbegin()->version();
                  response->set_next_page_token(EncodePageToken(query, std::to_string(last)));
                }
                return absl::OkStatus();
              });
}

grpc::Status GovernanceService::GetEffectiveAccess(grpc::ServerContext* context,
                                                   const v1::GetEffectiveAccessRequest* request,
                                                   v1::EffectiveAccess* response) {
  return Read(context, {"GetEffectiveAccess", Access::kRead},
              [&](Transaction& txn, const CallContext& call) -> absl::Status {
                TARN_ASSIGN_OR_RETURN(const names::TableId table,
                                      names::ParseTable(request->table()));
                std::optional<auth::Caller> principal;
                if (request->has_principal()) {
                  TARN_RETURN_IF_ERROR(ValidatePrincipal(request->principal()));
                  principal = CallerOf(request->principal(), call.caller.workspace);
                }
                PolicyManager manager(txn, engine_, call.caller, call.request_id);
                TARN_ASSIGN_OR_RETURN(*response, manager.Access(table, principal));
                return absl::OkStatus();
              });
}

grpc::Status GovernanceService::ListAuditEntries(grpc::ServerContext* context,
                                                 const v1::ListAuditEntriesRequest* request,
                                                 v1::ListAuditEntriesResponse* response) {
  return Read(
      context, {"ListAuditEntries", Access::kAdmin},
      [&](Transaction& txn, const CallContext& call) -> absl::Status {
        const std::string query = QueryFingerprint(
            {"audit", request->resource(), request->user(), std::to_string(request->action()),
             request->start_time().SerializeAsString(), request->end_time().SerializeAsString()});
        TARN_ASSIGN_OR_RETURN(const std::string cursor,
                              DecodePageToken(query, request->page_token()));
        TARN_ASSIGN_OR_RETURN(const int64_t before, BeforeOf(cursor));
        TARN_ASSIGN_OR_RETURN(const int size, PageSize(request->page_size()));
        std::vector<v1::AuditEntry> entries =
            AuditLog(txn).List(call.caller.workspace, FilterOf(*request), before, size + 1);
        response->Clear();
        const bool more = entries.size() > static_cast<size_t>(size);
        if (more) entries.resize(size);
        for (v1::AuditEntry& entry : entries) {
          *response->add_audit_entries() = std::move(entry);
        }
        if (more) {
          const std::string& last = response->audit_entries().rbegin()->name();
          response->set_next_page_token(EncodePageToken(query, last.substr(last.find('/') + 1)));
        }
        return absl::OkStatus();
      });
}

}  // namespace tarn::catalog

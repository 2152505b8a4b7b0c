// Maintenance jobs.
#include "common/names/names.h"
#include "common/page_token/page_token.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/catalog/catalog_service.h"
#include "services/catalog/job_wait.h"
#include "services/catalog/maintenance/maintenance_manager.h"
#include "services/catalog/table_proto.h"

namespace tarn::catalog {
namespace {

constexpr char kJobPattern[] = "databases/{database}/tables/{table}/jobs/{job}";
constexpr int kDefaultJobs = 50;

void ToProto(const MaintenanceJob& job, v1::MaintenanceJob* proto) {
  proto->set_name(names::Format(kJobPattern, {job.table.database, job.table.table, job.id}));
  proto->set_kind(static_cast<v1::MaintenanceKind>(job.kind));
  proto->set_state(static_cast<common::v1::ExecutionState>(job.execution.state));
  ToProto(job.execution, proto->mutable_times());
  if (job.execution.failure) ToProto(*job.execution.failure, proto->mutable_error());
  proto->set_files_before(job.files_before);
  proto->set_files_after(job.files_after);
  proto->set_rewritten_rows(job.rewritten_rows);
  proto->set_owner(job.owner);
}

absl::StatusOr<MaintenanceJob> JobFromProto(const Actor& actor,
                                            const v1::StartMaintenanceRequest& request) {
  TARN_ASSIGN_OR_RETURN(const names::TableId id, names::ParseTable(request.table()));
  if (request.kind() == v1::MAINTENANCE_KIND_UNSPECIFIED ||
      !v1::MaintenanceKind_IsValid(request.kind())) {
    return InvalidFields({{"kind",
                           "is one of MAINTENANCE_KIND_COMPACT, "
                           "MAINTENANCE_KIND_EXPIRE_SNAPSHOTS"}});
  }
  MaintenanceJob job{.table = {actor.workspace, id.database, id.table},
                     .kind = static_cast<MaintenanceKind>(request.kind()),
                     .target_file_bytes = request.target_file_bytes()};
  for (const v1::PartitionTuple& tuple : request.partitions()) {
    job.partitions.push_back(PartitionTupleFromProto(tuple));
  }
  return job;
}

}  // namespace

grpc::Status CatalogService::StartMaintenance(grpc::ServerContext* context,
                                              const v1::StartMaintenanceRequest* request,
                                              v1::MaintenanceJob* response) {
  const grpc::Status status = Write<v1::StartMaintenanceRequest, v1::MaintenanceJob>(
      context, "StartMaintenance", *request, response,
      [&](Transaction& txn, const Actor& actor, v1::MaintenanceJob* made) -> absl::Status {
        TARN_ASSIGN_OR_RETURN(MaintenanceJob job, JobFromProto(actor, *request));
        TARN_ASSIGN_OR_RETURN(job, MaintenanceManager(txn).Start(actor, std::move(job)));
        ToProto(job, made);
        return absl::OkStatus();
      });
  jobs_.Notify();
  return status;
}

grpc::Status CatalogService::GetMaintenanceJob(grpc::ServerContext* context,
                                               const v1::GetMaintenanceJobRequest* request,
                                               v1::MaintenanceJob* response) {
  return handler_.Handle(
      context, {"GetMaintenanceJob", rpc::Access::kRead},
      [&](const rpc::CallContext& call) -> absl::Status {
        TARN_RETURN_IF_ERROR(storage_.Check());
        TARN_ASSIGN_OR_RETURN(const std::vector<std::string> parts,
                              names::Parse(kJobPattern, request->name()));
        const TableKey table{call.caller.workspace, parts[0], parts[1]};
        TARN_ASSIGN_OR_RETURN(
            const MaintenanceJob job,
            WaitForEnd<MaintenanceJob>(call, jobs_, request->wait(),
                                       [&]() -> absl::StatusOr<MaintenanceJob> {
                                         return storage_.pool().RunReadOnly([&](Transaction& txn) {
                                           return MaintenanceManager(txn).Get(table, parts[2]);
                                         });
                                       }));
        ToProto(job, response);
        return absl::OkStatus();
      });
}

grpc::Status CatalogService::CancelMaintenanceJob(grpc::ServerContext* context,
                                                  const v1::CancelMaintenanceJobRequest* request,
                                                  v1::MaintenanceJob* response) {
  const grpc::Status status = Write<v1::CancelMaintenanceJobRequest, v1::MaintenanceJob>(
      context, "CancelMaintenanceJob", *request, response,
      [&](Transaction& txn, const Actor& actor, v1::MaintenanceJob* made) -> absl::Status {
        TARN_ASSIGN_OR_RETURN(const std::vector<std::string> parts,
                              names::Parse(kJobPattern, request->name()));
        TARN_ASSIGN_OR_RETURN(
            const MaintenanceJob job,
            MaintenanceManager(txn).Cancel({actor.workspace, parts[0], parts[1]}, parts[2]));
        ToProto(job, made);
        return absl::OkStatus();
      });
  jobs_.Notify();
  return status;
}

grpc::Status CatalogService::ListMaintenanceJobs(grpc::ServerContext* context,
                                                 const v1::ListMaintenanceJobsRequest* request,
                                                 v1::ListMaintenanceJobsResponse* response) {
  return Read(
      context, "ListMaintenanceJobs", [&](Transaction& txn, const Actor& actor) -> absl::Status {
        TARN_ASSIGN_OR_RETURN(const names::TableId id, names::ParseTable(request->parent()));
        const std::string query = QueryFingerprint({"jobs", request->parent()});
        TARN_ASSIGN_OR_RETURN(const std::string before,
                              DecodePageToken(query, request->page_token()));
        TARN_ASSIGN_OR_RETURN(const int size, PageSize(request->page_size(), kDefaultJobs));
        TARN_ASSIGN_OR_RETURN(std::vector<MaintenanceJob> jobs,
                              MaintenanceManager(txn).List({actor.workspace, id.database, id.table},
                                                           before, size + 1));
        response->Clear();
        if (jobs.size() > static_cast<size_t>(size)) {
          jobs.resize(size);
          response->set_next_page_token(EncodePageToken(query, jobs.back().id));
        }
        for (const MaintenanceJob& job : jobs) ToProto(job, response->add_jobs());
        return absl::OkStatus();
      });
}

}  // namespace tarn::catalog

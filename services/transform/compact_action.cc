#include "services/transform/compact_action.h"

#include "common/names/names.h"
#include "services/transform/action_calls.h"
#include "services/transform/module_clients.h"
#include "services/transform/proto_time.h"

namespace tarn::transform {

namespace catalog = tarn::catalog::v1;
using CatalogStub = catalog::CatalogService::Stub;

absl::StatusOr<std::string> CompactAction::Start(const StepCall& call) {
  TARN_ASSIGN_OR_RETURN(names::TableId table, names::ParseSqlName(call.step.compact().table()));
  catalog::StartMaintenanceRequest request;
  request.set_table(names::Table(table));
  request.set_kind(catalog::MAINTENANCE_KIND_COMPACT);
  request.set_target_file_bytes(call.step.compact().target_file_bytes());
  request.set_request_id(call.RequestId());
  TARN_ASSIGN_OR_RETURN(
      catalog::MaintenanceJob job,
      CallAsOwner(tokens_, call, *clients_.catalog, &CatalogStub::StartMaintenance, request));
  return job.name();
}

absl::StatusOr<std::optional<StepOutcome>> CompactAction::Poll(const StepCall& call,
                                                               absl::Duration wait) {
  catalog::GetMaintenanceJobRequest request;
  request.set_name(call.record.work);
  *request.mutable_wait() = ToProtoDuration(wait);
  TARN_ASSIGN_OR_RETURN(catalog::MaintenanceJob job,
                        CallAsOwner(tokens_, call, *clients_.catalog,
                                    &CatalogStub::GetMaintenanceJob, request, wait));
  return OutcomeOf(job.state(), job.error(), job.name());
}

absl::Status CompactAction::Cancel(const StepCall& call) {
  catalog::CancelMaintenanceJobRequest request;
  request.set_name(call.record.work);
  return CallAsOwner(tokens_, call, *clients_.catalog, &CatalogStub::CancelMaintenanceJob, request)
      .status();
}

}  // namespace tarn::transform

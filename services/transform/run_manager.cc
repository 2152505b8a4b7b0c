#include "services/transform/run_manager.h"

#include <absl/strings/str_cat.h>

#include "common/auth/caller.h"
#include "common/idempotency/idempotency.h"
#include "common/names/names.h"
#include "common/page_token/page_token.h"
#include "common/postgres/postgres_pool.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/transform/pipeline_manager.h"
#include "services/transform/pipeline_store.h"
#include "services/transform/run_changes.h"
#include "services/transform/run_factory.h"
#include "services/transform/run_proto.h"
#include "services/transform/run_store.h"
#include "services/transform/stored_time.h"

namespace tarn::transform {
namespace {

// How soon a change that another process made is seen.
constexpr absl::Duration kPollInterval = absl::Milliseconds(100);
constexpr int kDefaultRunPageSize = 50;

struct RunId {
  std::string pipeline;
  std::string run;
};

absl::StatusOr<RunId> ParseRunName(const std::string& name) {
  TARN_ASSIGN_OR_RETURN(std::vector<std::string> ids,
                        names::Parse("pipelines/{pipeline}/runs/{run}", name));
  return RunId{ids[0], ids[1]};
}

absl::Status RunNotFound(const RunId& id) {
  return NotFound("RUN_NOT_FOUND", absl::StrCat("there is no run ", RunName(id.pipeline, id.run),
                                                "; ListRuns shows those of the pipeline"));
}

absl::StatusOr<v1::Run> FindRun(Transaction& txn, const std::string& workspace, const RunId& id) {
  std::optional<RunRecord> found = run_store::Find(txn, workspace, id.pipeline, id.run);
  if (!found.has_value()) return RunNotFound(id);
  return ToProto(*found);
}

}  // namespace

absl::StatusOr<v1::Run> RunManager::Start(const auth::Caller& caller,
                                          const v1::StartRunRequest& request) {
  TARN_ASSIGN_OR_RETURN(std::string id, ParsePipelineName(request.pipeline()));
  const ParameterValues given(request.parameters().begin(), request.parameters().end());
  absl::StatusOr<v1::Run> started = pool_.Run([&](Transaction& txn) {
    return idempotency::Once<v1::Run>(
        txn, "transform",
        {.workspace = caller.workspace,
         .caller = caller.user,
         .method = "tarn.transform.v1.TransformService/StartRun",
         .request_id = request.request_id()},
        request, [&]() -> absl::StatusOr<v1::Run> {
          // Locked, so that it cannot be removed or changed in between.
          std::optional<StoredPipeline> pipeline =
              pipeline_store::Find(txn, caller.workspace, id, pipeline_store::Lock::kForUpdate);
          if (!pipeline.has_value()) return PipelineNotFound(id);
          TARN_ASSIGN_OR_RETURN(RunRecord run,
                                NewRun(*pipeline, given, "user/" + caller.user, StoredNow(clock_)));
          run_store::Insert(txn, run);
          return ToProto(run);
        });
  });
  changes_.Notify();
  return started;
}

absl::StatusOr<v1::Run> RunManager::Get(const std::string& workspace, const std::string& name) {
  TARN_ASSIGN_OR_RETURN(RunId id, ParseRunName(name));
  return pool_.RunReadOnly([&](Transaction& txn) { return FindRun(txn, workspace, id); });
}

absl::StatusOr<v1::ListRunsResponse> RunManager::List(const std::string& workspace,
                                                      const v1::ListRunsRequest& request) {
  run_store::RunFilter filter;
  filter.workspace = workspace;
  if (request.parent() != "pipelines/-") {
    TARN_ASSIGN_OR_RETURN(filter.pipeline_id, ParsePipelineName(request.parent()));
  }
  filter.state = static_cast<ExecutionState>(request.state());
  if (!common::v1::ExecutionState_IsValid(request.state())) {
    return InvalidFields({{"state", "is not a state"}});
  }
  const std::string query =
      QueryFingerprint({"runs", workspace, request.parent(), StateText(filter.state)});
  TARN_ASSIGN_OR_RETURN(filter.before_id, DecodePageToken(query, request.page_token()));
  TARN_ASSIGN_OR_RETURN(int size, PageSize(request.page_size(), kDefaultRunPageSize));
  return pool_.RunReadOnly([&](Transaction& txn) -> absl::StatusOr<v1::ListRunsResponse> {
    if (!filter.pipeline_id.empty() &&
        !pipeline_store::Find(txn, workspace, filter.pipeline_id).has_value()) {
      return PipelineNotFound(filter.pipeline_id);
    }
    std::vector<RunRecord> runs = run_store::List(txn, filter, size + 1);
    v1::ListRunsResponse response;
    const bool more = runs.size() > static_cast<size_t>(size);
    if (more) runs.pop_back();
    for (const RunRecord& run : runs) *response.add_runs() = ToProto(run);
    if (more) response.set_next_page_token(EncodePageToken(query, runs.back().id));
    return response;
  });
}

absl::StatusOr<v1::Run> RunManager::Stop(const std::string& workspace, const std::string& name) {
  TARN_ASSIGN_OR_RETURN(RunId id, ParseRunName(name));
  absl::StatusOr<v1::Run> stopped = pool_.Run([&](Transaction& txn) -> absl::StatusOr<v1::Run> {
    TARN_RETURN_IF_ERROR(
        run_store::RequestStop(txn, workspace, id.pipeline, id.run, StoredNow(clock_)));
    return FindRun(txn, workspace, id);
  });
  changes_.Notify();
  return stopped;
}

absl::Status RunManager::Watch(const std::string& workspace, const std::string& name,
                               absl::FunctionRef<bool(const v1::Run&)> see,
                               absl::FunctionRef<absl::Status()> idle) {
  TARN_ASSIGN_OR_RETURN(RunId id, ParseRunName(name));
  int64_t seen_version = 0;
  for (;;) {
    const uint64_t count = changes_.count();
    absl::StatusOr<std::optional<run_store::RunVersion>> version = pool_.RunAutocommit(
        [&](Transaction& txn) -> absl::StatusOr<std::optional<run_store::RunVersion>> {
          return run_store::FindVersion(txn, workspace, id.run);
        });
    if (!version.ok()) return version.status();
    if (!version->has_value()) return RunNotFound(id);
    if ((*version)->version != seen_version) {
      TARN_ASSIGN_OR_RETURN(v1::Run run, Get(workspace, name));
      seen_version = (*version)->version;
      if (!see(run) || IsTerminal(static_cast<ExecutionState>(run.state()))) {
        return absl::OkStatus();
      }
    }
    TARN_RETURN_IF_ERROR(idle());
    changes_.Wait(count, kPollInterval);
  }
}

}  // namespace tarn::transform

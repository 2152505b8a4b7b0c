#include "services/transform/pipeline_manager.h"

#include <absl/strings/str_cat.h>

#include "common/auth/caller.h"
#include "common/idempotency/idempotency.h"
#include "common/ids/ids.h"
#include "common/names/names.h"
#include "common/page_token/page_token.h"
#include "common/postgres/postgres_pool.h"
#include "common/schedule/cron_schedule.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/transform/pipeline_store.h"
#include "services/transform/pipeline_validation.h"
#include "services/transform/run_store.h"
#include "services/transform/stored_time.h"

namespace tarn::transform {
namespace {

idempotency::RequestKey KeyOf(const auth::Caller& caller, std::string_view method,
                              const std::string& request_id) {
  return {.workspace = caller.workspace,
          .caller = caller.user,
          .method = "tarn.transform.v1.TransformService/" + std::string(method),
          .request_id = request_id};
}

// What the update asks for: the masked fields of `wanted` in the place of those of `current`.
absl::StatusOr<v1::Pipeline> Merge(const v1::Pipeline& current,
                                   const v1::UpdatePipelineRequest& request) {
  const v1::Pipeline& wanted = request.pipeline();
  if (request.update_mask().paths().empty()) return wanted;
  v1::Pipeline merged = current;
  for (const std::string& path : request.update_mask().paths()) {
    if (path == "description") {
      merged.set_description(wanted.description());
    } else if (path == "parameters") {
      *merged.mutable_parameters() = wanted.parameters();
    } else if (path == "steps") {
      *merged.mutable_steps() = wanted.steps();
    } else if (path == "schedule") {
      merged.clear_schedule();
      if (wanted.has_schedule()) *merged.mutable_schedule() = wanted.schedule();
    } else if (path == "triggers") {
      *merged.mutable_triggers() = wanted.triggers();
    } else if (path == "paused") {
      merged.set_paused(wanted.paused());
    } else if (path == "max_concurrent_runs") {
      merged.set_max_concurrent_runs(wanted.max_concurrent_runs());
    } else {
      return InvalidFields(
          {{"update_mask",
            absl::StrCat("\"", path,
                         "\" cannot be changed; description, parameters, steps, schedule, "
                         "triggers, paused and max_concurrent_runs can")}});
    }
  }
  return merged;
}

absl::Status CheckEtag(const StoredPipeline& pipeline, const std::string& etag) {
  if (etag.empty() || etag == pipeline.etag) return absl::OkStatus();
  return Aborted(
      "ETAG_MISMATCH",
      absl::StrCat(PipelineName(pipeline.id),
                   " has changed since it was read; read it again and repeat the change"),
      {{"etag", pipeline.etag}});
}

bool SameSchedule(const v1::Pipeline& a, const v1::Pipeline& b) {
  return a.has_schedule() == b.has_schedule() && a.paused() == b.paused() &&
         a.schedule().cron() == b.schedule().cron() &&
         a.schedule().time_zone() == b.schedule().time_zone();
}

// Whether both do the same, whatever they are called and whenever they rest.
bool DoesTheSame(v1::Pipeline a, v1::Pipeline b) {
  for (v1::Pipeline* pipeline : {&a, &b}) {
    pipeline->clear_description();
    pipeline->clear_paused();
    pipeline->clear_max_concurrent_runs();
  }
  return idempotency::Serialize(a) == idempotency::Serialize(b);
}

absl::StatusOr<StoredPipeline> Lock(Transaction& txn, const std::string& workspace,
                                    const std::string& id) {
  std::optional<StoredPipeline> found =
      pipeline_store::Find(txn, workspace, id, pipeline_store::Lock::kForUpdate);
  if (!found.has_value()) return PipelineNotFound(id);
  return *std::move(found);
}

}  // namespace

absl::StatusOr<std::string> ParsePipelineName(const std::string& name) {
  TARN_ASSIGN_OR_RETURN(std::vector<std::string> ids, names::Parse("pipelines/{pipeline}", name));
  return ids[0];
}

absl::Status PipelineNotFound(const std::string& id) {
  return NotFound("PIPELINE_NOT_FOUND",
                  absl::StrCat("there is no pipeline ", PipelineName(id),
                               "; ListPipelines shows those that exist"),
                  {{"pipeline", PipelineName(id)}});
}

std::optional<absl::Time> NextRunTime(const v1::Pipeline& pipeline, absl::Time now) {
  if (!pipeline.has_schedule() || pipeline.paused()) return std::nullopt;
  absl::StatusOr<CronSchedule> schedule =
      CronSchedule::Parse(pipeline.schedule().cron(), pipeline.schedule().time_zone());
  if (!schedule.ok()) return std::nullopt;
  return schedule->Next(now);
}

absl::StatusOr<v1::Pipeline> PipelineManager::Create(const auth::Caller& caller,
                                                     const v1::CreatePipelineRequest& request) {
  StoredPipeline pipeline;
  pipeline.spec = request.pipeline();
  NormalizePipeline(pipeline.spec);
  TARN_RETURN_IF_ERROR(ValidatePipeline(pipeline.spec));
  TARN_ASSIGN_OR_RETURN(pipeline.id, ParsePipelineName(pipeline.spec.name()));
  pipeline.workspace = caller.workspace;
  pipeline.owner = caller.user;
  pipeline.etag = NewShortId();
  pipeline.created_at = pipeline.updated_at = StoredNow(clock_);
  pipeline.next_run_at = NextRunTime(pipeline.spec, pipeline.created_at);
  return pool_.Run([&](Transaction& txn) {
    return idempotency::Once<v1::Pipeline>(
        txn, "transform", KeyOf(caller, "CreatePipeline", request.request_id()), request,
        [&]() -> absl::StatusOr<v1::Pipeline> {
          if (!pipeline_store::Insert(txn, pipeline)) {
            return AlreadyExists("PIPELINE_EXISTS",
                                 absl::StrCat("there is a pipeline ", pipeline.spec.name(),
                                              " already; change it with UpdatePipeline"),
                                 {{"pipeline", pipeline.spec.name()}});
          }
          return ToProto(pipeline);
        });
  });
}

absl::StatusOr<v1::Pipeline> PipelineManager::Get(const std::string& workspace,
                                                  const std::string& name) {
  TARN_ASSIGN_OR_RETURN(std::string id, ParsePipelineName(name));
  return pool_.RunAutocommit([&](Transaction& txn) -> absl::StatusOr<v1::Pipeline> {
    std::optional<StoredPipeline> found = pipeline_store::Find(txn, workspace, id);
    if (!found.has_value()) return PipelineNotFound(id);
    return ToProto(*found);
  });
}

absl::StatusOr<v1::ListPipelinesResponse> PipelineManager::List(
    const std::string& workspace, const v1::ListPipelinesRequest& request) {
  const std::string query = QueryFingerprint({"pipelines", workspace});
  TARN_ASSIGN_OR_RETURN(std::string after, DecodePageToken(query, request.page_token()));
  TARN_ASSIGN_OR_RETURN(int size, PageSize(request.page_size()));
  return pool_.RunAutocommit([&](Transaction& txn) -> absl::StatusOr<v1::ListPipelinesResponse> {
    std::vector<StoredPipeline> found = pipeline_store::List(txn, workspace, after, size + 1);
    v1::ListPipelinesResponse response;
    const bool more = found.size() > static_cast<size_t>(size);
    if (more) found.pop_back();
    for (const StoredPipeline& pipeline : found) *response.add_pipelines() = ToProto(pipeline);
    if (more) response.set_next_page_token(EncodePageToken(query, found.back().id));
    return response;
  });
}

absl::StatusOr<v1::Pipeline> PipelineManager::Update(const auth::Caller& caller,
                                                     const v1::UpdatePipelineRequest& request) {
  TARN_ASSIGN_OR_RETURN(std::string id, ParsePipelineName(request.pipeline().name()));
  return pool_.Run([&](Transaction& txn) {
    return idempotency::Once<v1::Pipeline>(
        txn, "transform", KeyOf(caller, "UpdatePipeline", request.request_id()), request,
        [&]() -> absl::StatusOr<v1::Pipeline> {
          TARN_ASSIGN_OR_RETURN(StoredPipeline pipeline, Lock(txn, caller.workspace, id));
          TARN_RETURN_IF_ERROR(CheckEtag(pipeline, request.pipeline().etag()));
          TARN_ASSIGN_OR_RETURN(v1::Pipeline wanted, Merge(pipeline.spec, request));
          NormalizePipeline(wanted);
          TARN_RETURN_IF_ERROR(ValidatePipeline(wanted));
          if (idempotency::Serialize(wanted) == idempotency::Serialize(pipeline.spec)) {
            return ToProto(pipeline);
          }
          const absl::Time now = StoredNow(clock_);
          if (!SameSchedule(wanted, pipeline.spec)) {
            pipeline.next_run_at = NextRunTime(wanted, now);
          }
          if (!DoesTheSame(wanted, pipeline.spec)) pipeline.owner = caller.user;
          pipeline.spec = std::move(wanted);
          pipeline.etag = NewShortId();
          pipeline.updated_at = now;
          pipeline_store::Update(txn, pipeline);
          return ToProto(pipeline);
        });
  });
}

absl::StatusOr<v1::DeletePipelineResponse> PipelineManager::Delete(
    const auth::Caller& caller, const v1::DeletePipelineRequest& request) {
  TARN_ASSIGN_OR_RETURN(std::string id, ParsePipelineName(request.name()));
  return pool_.Run([&](Transaction& txn) {
    return idempotency::Once<v1::DeletePipelineResponse>(
        txn, "transform", KeyOf(caller, "DeletePipeline", request.request_id()), request,
        [&]() -> absl::StatusOr<v1::DeletePipelineResponse> {
          TARN_ASSIGN_OR_RETURN(StoredPipeline pipeline, Lock(txn, caller.workspace, id));
          TARN_RETURN_IF_ERROR(CheckEtag(pipeline, request.etag()));
          if (run_store::HasActive(txn, caller.workspace, id)) {
            return FailedPrecondition(
                "RUN_ACTIVE", absl::StrCat(request.name(),
                                           " has a run that waits or runs; stop it with StopRun, "
                                           "or wait for its end"));
          }
          pipeline_store::Delete(txn, caller.workspace, id);
          return v1::DeletePipelineResponse();
        });
  });
}

}  // namespace tarn::transform

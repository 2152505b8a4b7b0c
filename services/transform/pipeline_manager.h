// The rules of pipelines: making, changing, removing. Each mutation is one transaction in which its
// request_id is kept. Thread safe; what it refers to outlives it.
#pragma once

#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "tarn/transform/v1/transform_service.pb.h"

#include "services/transform/pipeline.h"

namespace tarn {
class Clock;
class PostgresPool;
namespace auth {
struct Caller;
}
}  // namespace tarn

namespace tarn::transform {

class PipelineManager {
 public:
  PipelineManager(PostgresPool& pool, Clock& clock) : pool_(pool), clock_(clock) {}

  // Errors: those of ValidatePipeline; ALREADY_EXISTS, PIPELINE_EXISTS.
  absl::StatusOr<v1::Pipeline> Create(const auth::Caller& caller,
                                      const v1::CreatePipelineRequest& request);

  // NOT_FOUND, PIPELINE_NOT_FOUND.
  absl::StatusOr<v1::Pipeline> Get(const std::string& workspace, const std::string& name);

  // INVALID_ARGUMENT, INVALID_PAGE_TOKEN.
  absl::StatusOr<v1::ListPipelinesResponse> List(const std::string& workspace,
                                                 const v1::ListPipelinesRequest& request);

  // Nothing changes, not even the etag, where the new values are those that it has. Whoever changes
  // what a pipeline does becomes its owner: nobody makes another one's rights run new SQL. Errors:
  // as Get and Create; ABORTED, ETAG_MISMATCH.
  absl::StatusOr<v1::Pipeline> Update(const auth::Caller& caller,
                                      const v1::UpdatePipelineRequest& request);

  // As Get; ABORTED, ETAG_MISMATCH; FAILED_PRECONDITION, RUN_ACTIVE.
  absl::StatusOr<v1::DeletePipelineResponse> Delete(const auth::Caller& caller,
                                                    const v1::DeletePipelineRequest& request);

 private:
  PostgresPool& pool_;
  Clock& clock_;
};

// The id in "pipelines/{pipeline}". INVALID_ARGUMENT.
absl::StatusOr<std::string> ParsePipelineName(const std::string& name);

// NOT_FOUND, PIPELINE_NOT_FOUND.
absl::Status PipelineNotFound(const std::string& id);

// When the schedule of a pipeline fires next after `now`; nothing without one or while paused. The
// pipeline is valid, or the schedule rests.
std::optional<absl::Time> NextRunTime(const v1::Pipeline& pipeline, absl::Time now);

}  // namespace tarn::transform

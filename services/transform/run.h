// A run of a pipeline and the runs of its steps, as they are stored. Plain values.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/time/time.h>

#include "tarn/transform/v1/pipeline.pb.h"

#include "services/transform/execution_state.h"
#include "services/transform/parameter_values.h"

namespace tarn::transform {

// Why a run or a step did not succeed.
struct WorkError {
  absl::StatusCode code = absl::StatusCode::kUnknown;
  std::string reason;
  std::string message;
  std::map<std::string, std::string> metadata;

  friend bool operator==(const WorkError&, const WorkError&) = default;
};

WorkError ToWorkError(const absl::Status& status);

struct StepRecord {
  std::string id;
  ExecutionState state = ExecutionState::kQueued;
  int attempt = 0;  // so far
  // Of a retry that waits: not before.
  std::optional<absl::Time> not_before;
  // Of the present attempt: the SQL, and what was started elsewhere ("queries/…"). Empty before.
  std::string statement;
  std::string work;
  std::string output;
  int64_t row_count = 0;
  std::optional<WorkError> error;
  absl::Time created_at;
  std::optional<absl::Time> started_at;
  std::optional<absl::Time> attempt_started_at;
  std::optional<absl::Time> ended_at;
};

struct RunRecord {
  std::string workspace;
  std::string id;
  std::string pipeline_id;
  ExecutionState state = ExecutionState::kQueued;
  // The pipeline as it stood when the run was accepted.
  v1::Pipeline spec;
  ParameterValues parameters;
  std::string trigger;
  std::string owner;
  absl::Time created_at;
  std::optional<absl::Time> started_at;
  std::optional<absl::Time> ended_at;
  std::optional<WorkError> error;
  bool stop_requested = false;
  int64_t version = 1;
  // In an order in which they may run.
  std::vector<StepRecord> steps;

  // The step's definition. It must be one of this run.
  const v1::Step& StepSpec(const std::string& step_id) const;
};

std::string RunName(const std::string& pipeline_id, const std::string& run_id);

}  // namespace tarn::transform

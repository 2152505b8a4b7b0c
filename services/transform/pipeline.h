// A pipeline as it is stored. What its user gave is the proto itself, which is the schema of
// manifests; the rest is Tarn's. Plain value.
#pragma once

#include <optional>
#include <string>

#include <absl/time/time.h>

#include "tarn/transform/v1/pipeline.pb.h"

namespace tarn::transform {

struct StoredPipeline {
  std::string workspace;
  std::string id;
  // Normalized and valid; without fields that are output only, but name.
  v1::Pipeline spec;
  // As whom its runs act.
  std::string owner;
  std::string etag;
  absl::Time created_at;
  absl::Time updated_at;
  std::optional<absl::Time> next_run_at;
};

std::string PipelineName(const std::string& id);

// The resource as callers see it.
v1::Pipeline ToProto(const StoredPipeline& pipeline);

}  // namespace tarn::transform

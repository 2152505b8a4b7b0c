// Manifests from files and folders, checked as far as that can be done without a server.
#pragma once

#include <istream>
#include <string>
#include <vector>

#include <absl/status/statusor.h>

#include "services/cli/kind.h"
#include "services/cli/resource_client.h"

namespace tarn::cli {

// A resource as a manifest wants it, its name in full.
struct DesiredResource {
  const Kind* kind = nullptr;
  std::string label;  // "pipeline/smart-hub"
  MessagePtr message;
};

// What the manifests in `paths` say: files, folders (their *.yaml and *.yml, subfolders included,
// in the order of their paths) and "-" for `standard_input`. In an order in which they can be
// applied: by kind, and as they stand within a kind. INVALID_ARGUMENT, INVALID_MANIFEST with a line
// for every fault of every file ("pipelines.yaml:12: spec.steps[2].sqll: unknown field").
absl::StatusOr<std::vector<DesiredResource>> LoadManifests(const std::vector<std::string>& paths,
                                                           std::istream& standard_input);

}  // namespace tarn::cli

// Makes a resource what its manifest says: creates it, replaces what may change, or finds nothing
// to do. One thread.
#pragma once

#include <string>
#include <vector>

#include <absl/status/statusor.h>

#include "services/cli/manifest_files.h"
#include "services/cli/resource_client.h"

namespace tarn::cli {

enum class ApplyOutcome { kCreated, kUpdated, kUnchanged };

class Applier {
 public:
  explicit Applier(ResourceClient& client) : client_(client) {}

  // A manifest is all of a resource: what it leaves out goes back to its default. A server that
  // finds nothing changed keeps the etag, and then the resource is unchanged. Somebody else's
  // change in between is met by trying again. Errors are the server's.
  absl::StatusOr<ApplyOutcome> Apply(const DesiredResource& desired);

  struct Preview {
    ApplyOutcome outcome = ApplyOutcome::kUnchanged;
    std::vector<std::string> fields;  // that differ; defaults that the server filled in among them
  };
  // What Apply would do. Changes nothing.
  absl::StatusOr<Preview> DryRun(const DesiredResource& desired);

 private:
  absl::StatusOr<ApplyOutcome> Update(const DesiredResource& desired,
                                      const google::protobuf::Message& current);

  ResourceClient& client_;
};

}  // namespace tarn::cli

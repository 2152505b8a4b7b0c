// Manifests: resources as YAML documents (JSON is YAML too).
//
//   apiVersion: tarn/v1
//   kind: Pipeline
//   metadata:
//     name: enrich
//     labels: {team: energy}
//   spec:
//     steps: […]
//
// A spec is the proto JSON of its resource; what kind goes with what message is the caller's to
// know. Errors name file, line and field, all of them at once:
//   pipelines.yaml:12: spec.steps[2].sqll: unknown field; did you mean sql?
// Pure functions; any thread.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/statusor.h>

namespace google::protobuf {
class Message;
}

namespace tarn::proto_json {

struct Node;

inline constexpr std::string_view kApiVersion = "tarn/v1";

struct Manifest {
  std::string api_version;
  std::string kind;
  std::string name;
  std::map<std::string, std::string> labels;
  std::string file;                  // for messages
  int line = 0;                      // at which the document begins
  std::shared_ptr<const Node> spec;  // never null; a map without entries where none is given
};

// The manifests of a file in its order. INVALID_ARGUMENT, INVALID_FIELD where any of them is
// malformed: not YAML, another apiVersion, an unknown key, no kind or name, a spec that is no map.
absl::StatusOr<std::vector<Manifest>> ParseManifests(std::string_view text, std::string_view file);

// Replaces `message` by the manifest's spec, strictly (see FromJson), required fields included.
// INVALID_ARGUMENT, INVALID_FIELD; after an error the message is empty.
absl::Status SpecToProto(const Manifest& manifest, google::protobuf::Message* message);

// The status for a fault that the caller finds in a manifest, in the same form: an unknown kind has
// the path "kind", a rule between fields the path "spec.x".
absl::Status ManifestError(const Manifest& manifest, std::string_view path,
                           std::string_view description);

// A manifest in YAML that reads back as `spec`. INTERNAL as ToJson.
absl::StatusOr<std::string> WriteManifest(std::string_view kind, std::string_view name,
                                          const std::map<std::string, std::string>& labels,
                                          const google::protobuf::Message& spec);

}  // namespace tarn::proto_json

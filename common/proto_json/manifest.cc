#include "common/proto_json/manifest.h"

#include <google/protobuf/message.h>
#include <nlohmann/json.hpp>

#include "common/names/nearest_name.h"
#include "common/proto_json/problem.h"
#include "common/proto_json/proto_json.h"
#include "common/proto_json/proto_reader.h"
#include "common/proto_json/yaml_document.h"
#include "common/proto_json/yaml_writer.h"
#include "common/status/status_macros.h"

namespace tarn::proto_json {
namespace {

class ManifestReader {
 public:
  explicit ManifestReader(std::vector<Problem>& problems) : problems_(problems) {}

  Manifest Read(const Node& document, std::string_view file) {
    Manifest manifest;
    manifest.file = std::string(file);
    manifest.line = document.line;
    manifest.spec = EmptyMap(document.line);
    if (document.kind != Node::Kind::kMap) {
      Fail(document.line, "", "a manifest is a map with apiVersion, kind, metadata and spec");
      return manifest;
    }
    RefuseUnknownKeys(document, "", {"apiVersion", "kind", "metadata", "spec"});
    manifest.api_version = Text(document, "", "apiVersion");
    if (!manifest.api_version.empty() && manifest.api_version != kApiVersion) {
      Fail(document.Find("apiVersion")->line, "apiVersion",
           "'" + manifest.api_version + "' is not known; use " + std::string(kApiVersion));
    }
    manifest.kind = Text(document, "", "kind");
    ReadMetadata(document, manifest);
    const Node* spec = document.Find("spec");
    if (spec != nullptr && spec->kind == Node::Kind::kMap) {
      manifest.spec = std::make_shared<const Node>(*spec);
    } else if (spec != nullptr && spec->kind != Node::Kind::kNull) {
      Fail(spec->line, "spec", "must be a map of fields");
    }
    return manifest;
  }

 private:
  static std::shared_ptr<const Node> EmptyMap(int line) {
    auto node = std::make_shared<Node>();
    node->kind = Node::Kind::kMap;
    node->line = line;
    return node;
  }

  void ReadMetadata(const Node& document, Manifest& manifest) {
    const Node* metadata = document.Find("metadata");
    if (metadata == nullptr || metadata->kind != Node::Kind::kMap) {
      Fail(metadata == nullptr ? document.line : metadata->line, "metadata",
           "is required: a map with the resource's name");
      return;
    }
    RefuseUnknownKeys(*metadata, "metadata", {"name", "labels"});
    manifest.name = Text(*metadata, "metadata", "name");
    const Node* labels = metadata->Find("labels");
    if (labels == nullptr || labels->kind == Node::Kind::kNull) return;
    if (labels->kind != Node::Kind::kMap) {
      Fail(labels->line, "metadata.labels", "must be a map of texts");
      return;
    }
    for (const NodeEntry& entry : labels->entries) {
      if (entry.value.kind == Node::Kind::kString) {
        manifest.labels.emplace(entry.key, entry.value.text);
      } else {
        Fail(entry.line, ChildPath("metadata.labels", entry.key),
             "must be text (put it in quotes)");
      }
    }
  }

  // A text that must be there and not be empty.
  std::string Text(const Node& map, const std::string& path, const std::string& key) {
    const Node* node = map.Find(key);
    if (node == nullptr || node->kind == Node::Kind::kNull) {
      Fail(map.line, ChildPath(path, key), "is required");
    } else if (node->kind != Node::Kind::kString || node->text.empty()) {
      Fail(node->line, ChildPath(path, key), "must be text (put it in quotes), not empty");
    } else {
      return node->text;
    }
    return "";
  }

  void RefuseUnknownKeys(const Node& map, const std::string& path,
                         const std::vector<std::string>& known) {
    for (const NodeEntry& entry : map.entries) {
      if (std::find(known.begin(), known.end(), entry.key) == known.end()) {
        Fail(entry.line, ChildPath(path, entry.key),
             "unknown field" + names::DidYouMean(entry.key, known));
      }
    }
  }

  void Fail(int line, std::string path, std::string description) {
    problems_.push_back({line, std::move(path), std::move(description)});
  }

  std::vector<Problem>& problems_;
};

}  // namespace

absl::StatusOr<std::vector<Manifest>> ParseManifests(std::string_view text, std::string_view file) {
  std::vector<Problem> problems;
  const std::vector<Node> documents = ParseYaml(text, problems);
  std::vector<Manifest> manifests;
  if (problems.empty()) {
    ManifestReader reader(problems);
    for (const Node& document : documents) manifests.push_back(reader.Read(document, file));
  }
  TARN_RETURN_IF_ERROR(ToStatus(problems, std::string(file)));
  return manifests;
}

absl::Status SpecToProto(const Manifest& manifest, google::protobuf::Message* message) {
  message->Clear();
  ProtoReader reader(/*check_required=*/true);
  reader.ReadMessage(*manifest.spec, "spec", *message);
  absl::Status status = ToStatus(reader.problems(), manifest.file);
  if (!status.ok()) message->Clear();
  return status;
}

absl::Status ManifestError(const Manifest& manifest, std::string_view path,
                           std::string_view description) {
  return ToStatus({{manifest.line, std::string(path), std::string(description)}}, manifest.file);
}

absl::StatusOr<std::string> WriteManifest(std::string_view kind, std::string_view name,
                                          const std::map<std::string, std::string>& labels,
                                          const google::protobuf::Message& spec) {
  TARN_ASSIGN_OR_RETURN(std::string spec_json, ToJson(spec));
  nlohmann::ordered_json json;
  json["apiVersion"] = std::string(kApiVersion);
  json["kind"] = std::string(kind);
  json["metadata"]["name"] = std::string(name);
  for (const auto& [key, value] : labels) json["metadata"]["labels"][key] = value;
  json["spec"] = nlohmann::ordered_json::parse(spec_json);
  return WriteYaml(json);
}

}  // namespace tarn::proto_json

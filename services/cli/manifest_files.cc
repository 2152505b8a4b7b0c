#include "services/cli/manifest_files.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <system_error>

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include "common/names/nearest_name.h"
#include "common/proto_json/manifest.h"
#include "common/proto_json/node.h"
#include "common/proto_json/problem.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/cli/resource_name.h"

namespace tarn::cli {
namespace {

namespace fs = std::filesystem;
using proto_json::Manifest;

constexpr char kStandardInput[] = "-";

bool IsManifestFile(const fs::path& path) {
  return path.extension() == ".yaml" || path.extension() == ".yml";
}

absl::Status FileProblem(const std::string& path, const std::string& what) {
  return InvalidArgument("INVALID_MANIFEST", path + ": " + what);
}

// Adds the files that `path` stands for.
absl::Status AddFiles(const std::string& path, std::vector<std::string>& files) {
  std::error_code error;
  if (path == kStandardInput) {
    files.push_back(path);
    return absl::OkStatus();
  }
  if (!fs::is_directory(path, error)) {
    if (!fs::exists(path, error)) return FileProblem(path, "there is no such file or folder");
    files.push_back(path);
    return absl::OkStatus();
  }
  std::vector<std::string> found;
  fs::recursive_directory_iterator entry(path, error);
  for (; !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
    std::error_code ignored;
    if (IsManifestFile(entry->path()) && entry->is_regular_file(ignored)) {
      found.push_back(entry->path().string());
    }
  }
  if (error) return FileProblem(path, "cannot be read: " + error.message());
  if (found.empty()) return FileProblem(path, "the folder holds no *.yaml or *.yml");
  std::sort(found.begin(), found.end());
  files.insert(files.end(), found.begin(), found.end());
  return absl::OkStatus();
}

absl::StatusOr<std::string> ReadText(const std::string& path, std::istream& standard_input) {
  if (path == kStandardInput)
    return std::string(std::istreambuf_iterator<char>(standard_input), {});
  std::ifstream file(path, std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(file)), {});
  if (!file.is_open() || file.bad()) return FileProblem(path, "cannot be read");
  return text;
}

// Gathers the faults of all files, so that they are told at once.
class ManifestLoader {
 public:
  void Fail(const absl::Status& status) {
    if (status.ok()) return;
    if (!problems_.empty()) problems_ += "\n  ";
    problems_ += std::string(status.message());
  }

  void Load(const Manifest& manifest) {
    const Kind* kind = FindManifestKind(manifest.kind);
    if (kind == nullptr) {
      Fail(proto_json::ManifestError(manifest, "kind",
                                     "there are no manifests of kind '" + manifest.kind + "'" +
                                         names::DidYouMean(manifest.kind, ManifestKindNames())));
      return;
    }
    const absl::StatusOr<std::string> name = FullName(kind->pattern, manifest.name);
    if (!name.ok()) {
      Fail(proto_json::ManifestError(manifest, "metadata.name",
                                     std::string(name.status().message())));
      return;
    }
    if (!NoteIsFirst(manifest, *name)) return;
    MessagePtr message = NewMessage(kind->resource);
    if (absl::Status status = proto_json::SpecToProto(manifest, message.get()); !status.ok()) {
      Fail(status);
      return;
    }
    if (absl::Status status = RefuseOutputOnly(*kind, manifest); !status.ok()) {
      Fail(status);
      return;
    }
    SetTextField(*message, "name", *name);
    resources_.push_back({.kind = kind,
                          .label = std::string(kind->command_name) + "/" + ShortName(*name),
                          .message = std::move(message)});
  }

  absl::StatusOr<std::vector<DesiredResource>> Finish() && {
    if (!problems_.empty()) {
      return InvalidArgument("INVALID_MANIFEST", "nothing was applied:\n  " + problems_);
    }
    // Kinds stand in their table in the order in which they depend on each other.
    std::stable_sort(resources_.begin(), resources_.end(),
                     [](const auto& a, const auto& b) { return a.kind < b.kind; });
    return std::move(resources_);
  }

 private:
  // Whether no manifest before has the same kind and name.
  bool NoteIsFirst(const Manifest& manifest, const std::string& name) {
    const std::string place = manifest.file + ":" + std::to_string(manifest.line);
    const auto [first, is_first] = places_.emplace(name, place);
    if (!is_first) {
      Fail(proto_json::ManifestError(
          manifest, "metadata.name",
          "'" + manifest.name + "' stands in " + first->second + " already"));
    }
    return is_first;
  }

  // What a spec says of fields that only the server sets, at their lines.
  static absl::Status RefuseOutputOnly(const Kind& kind, const Manifest& manifest) {
    std::vector<std::string_view> names = {"name", "owner", "create_time", "update_time", "etag"};
    names.insert(names.end(), kind.output_only.begin(), kind.output_only.end());
    std::vector<proto_json::Problem> problems;
    for (const proto_json::NodeEntry& entry : manifest.spec->entries) {
      for (std::string_view name : names) {
        const auto* field = kind.resource->FindFieldByName(std::string(name));
        if (field == nullptr || (entry.key != field->name() && entry.key != field->json_name())) {
          continue;
        }
        problems.push_back({entry.line, proto_json::ChildPath("spec", entry.key),
                            name == "name" ? "stands in metadata.name alone; leave it out"
                                           : "is set by the server; leave it out"});
      }
    }
    return proto_json::ToStatus(problems, manifest.file);
  }

  std::string problems_;
  std::vector<DesiredResource> resources_;
  std::map<std::string, std::string> places_;  // full name to "file:line"
};

}  // namespace

absl::StatusOr<std::vector<DesiredResource>> LoadManifests(const std::vector<std::string>& paths,
                                                           std::istream& standard_input) {
  ManifestLoader loader;
  std::vector<std::string> files;
  for (const std::string& path : paths) loader.Fail(AddFiles(path, files));
  for (const std::string& file : files) {
    const absl::StatusOr<std::string> text = ReadText(file, standard_input);
    if (!text.ok()) {
      loader.Fail(text.status());
      continue;
    }
    const auto manifests = proto_json::ParseManifests(
        *text, file == kStandardInput ? std::string("standard input") : file);
    if (!manifests.ok()) {
      loader.Fail(manifests.status());
      continue;
    }
    if (manifests->empty()) loader.Fail(FileProblem(file, "holds no manifest"));
    for (const Manifest& manifest : *manifests) loader.Load(manifest);
  }
  return std::move(loader).Finish();
}

}  // namespace tarn::cli

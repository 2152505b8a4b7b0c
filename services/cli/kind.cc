#include "services/cli/kind.h"

#include <algorithm>

#include <absl/strings/ascii.h>
#include <google/protobuf/descriptor.h>

#include "common/names/nearest_name.h"
#include "common/status/error.h"

namespace tarn::cli {
namespace {

std::string Lower(std::string_view text) {
  return absl::AsciiStrToLower(absl::string_view(text.data(), text.size()));
}

// What the command line takes for a kind, in lower case.
std::vector<std::string> WordsOf(const Kind& kind) {
  std::vector<std::string> words = {std::string(kind.command_name), Lower(kind.name),
                                    Lower(kind.plural)};
  for (std::string_view alias : kind.aliases) words.emplace_back(alias);
  return words;
}

}  // namespace

const google::protobuf::MethodDescriptor* Kind::Method(std::string_view verb) const {
  const std::string method =
      std::string(verb) + std::string(verb == "List" ? this->plural : this->name);
  return service->FindMethodByName(method);
}

absl::StatusOr<const Kind*> FindKind(std::string_view word) {
  const std::string wanted = Lower(word);
  std::vector<std::string> known;
  for (const Kind& kind : AllKinds()) {
    for (std::string& candidate : WordsOf(kind)) {
      if (candidate == wanted) return &kind;
      known.push_back(std::move(candidate));
    }
  }
  std::string message = "there is no kind '" + std::string(word) + "'";
  if (const std::string nearest = names::DidYouMean(wanted, known); !nearest.empty()) {
    message += nearest;
  } else {
    message += "; tarn get --help lists them";
  }
  return InvalidArgument("UNKNOWN_KIND", message);
}

const Kind* FindManifestKind(std::string_view name) {
  for (const Kind& kind : AllKinds()) {
    if (kind.has_manifest && kind.name == name) return &kind;
  }
  return nullptr;
}

std::vector<std::string> ManifestKindNames() {
  std::vector<std::string> names;
  for (const Kind& kind : AllKinds()) {
    if (kind.has_manifest) names.emplace_back(kind.name);
  }
  return names;
}

}  // namespace tarn::cli

// A kind of resource as `tarn get`, `apply` and `delete` know it. The RPCs and messages of a kind
// are found by descriptor from its names (GetPipeline, ListPipelines …), so that a kind is one
// entry in kind_table.cc and nothing else.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <absl/status/statusor.h>

namespace google::protobuf {
class Descriptor;
class MethodDescriptor;
class ServiceDescriptor;
}  // namespace google::protobuf

namespace tarn::cli {

// How a column's value is written, where its type does not say it.
enum class ColumnForm { kByType, kShortName, kBytes };

// A column of `tarn get`: a header, and the path of a field ("statistics.row_count").
struct KindColumn {
  std::string_view header;
  std::string_view path;
  ColumnForm form = ColumnForm::kByType;
};

struct Kind {
  std::string_view name;                  // "Pipeline", as manifests and RPCs have it
  std::string_view plural;                // "Pipelines", as List RPCs have it
  std::string_view command_name;          // "pipeline", as the command line has it
  std::vector<std::string_view> aliases;  // what the command line takes besides
  std::string_view pattern;               // "pipelines/{pipeline}"
  std::string_view parent_pattern;        // of a kind that is listed below another: its parent's
  bool lists_all = false;                 // the parent may be left out, for all of them
  bool is_history = false;                // the newest first, and more than anybody wants to read
  bool has_manifest = false;              // may be applied and deleted
  // Fields of the resource that no manifest holds, besides name, owner, times and etag.
  std::vector<std::string_view> output_only;
  std::vector<KindColumn> columns;
  const google::protobuf::Descriptor* resource = nullptr;
  const google::protobuf::ServiceDescriptor* service = nullptr;

  // The RPC called `verb` and the kind ("GetPipeline"; "List" takes the plural), or null.
  const google::protobuf::MethodDescriptor* Method(std::string_view verb) const;
};

// Every kind; those with manifests come in the order in which they are applied.
const std::vector<Kind>& AllKinds();

// By a word of the command line, in any case: name, plural or alias. INVALID_ARGUMENT,
// UNKNOWN_KIND with the nearest.
absl::StatusOr<const Kind*> FindKind(std::string_view word);

// By a manifest's kind, exactly; null when there is none that has manifests.
const Kind* FindManifestKind(std::string_view name);

// "Database, Table …" for messages.
std::vector<std::string> ManifestKindNames();

}  // namespace tarn::cli

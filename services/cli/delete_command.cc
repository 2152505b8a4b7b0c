// tarn delete: removes resources.
#include <memory>

#include <CLI/CLI.hpp>

#include "common/status/status_macros.h"
#include "services/cli/commands.h"
#include "services/cli/kind.h"
#include "services/cli/resource_client.h"
#include "services/cli/resource_name.h"
#include "services/cli/session.h"

namespace tarn::cli {
namespace {

struct DeleteOptions {
  std::string kind;
  std::vector<std::string> names;
};

absl::Status Delete(Session& session, const DeleteOptions& options) {
  const absl::StatusOr<const Kind*> kind = FindKind(options.kind);
  if (!kind.ok()) return UsageError(std::string(kind.status().message()));
  if (!(*kind)->has_manifest) {
    return UsageError("a " + std::string((*kind)->command_name) + " cannot be deleted" +
                      ((*kind)->name == "Key" ? "; revoke it: tarn key revoke KEY" : ""));
  }
  std::vector<std::string> names;
  for (const std::string& text : options.names) {
    TARN_ASSIGN_OR_RETURN(names.emplace_back(), FullName((*kind)->pattern, text));
  }
  TARN_ASSIGN_OR_RETURN(Connection * connection, session.GetConnection());
  ResourceClient client(*connection);
  for (const std::string& name : names) {
    TARN_RETURN_IF_ERROR(client.Delete(**kind, name));
    session.terminal().out << (*kind)->command_name << "/" << ShortName(name) << " deleted\n";
  }
  return absl::OkStatus();
}

}  // namespace

void AddDeleteCommand(CLI::App& program, Session& session) {
  auto options = std::make_shared<DeleteOptions>();
  CLI::App* command = program.add_subcommand("delete", "Remove resources");
  command->add_option("kind", options->kind, "table, pipeline ...")->required()->type_name("KIND");
  command->add_option("names", options->names, "Their names")->required()->type_name("NAME...");
  command->footer(
      "Example:\n"
      "  tarn delete pipeline smart-hub\n"
      "  tarn delete table smart_hub.usage_enriched\n");
  command->fallthrough();
  command->callback([&session, options] {
    session.action = [&session, options] { return Delete(session, *options); };
  });
}

}  // namespace tarn::cli

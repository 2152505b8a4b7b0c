// tarn get: resources as a table, JSON or manifests.
#include <memory>

#include <CLI/CLI.hpp>

#include "common/names/names.h"
#include "common/proto_json/manifest.h"
#include "common/proto_json/proto_json.h"
#include "common/status/status_macros.h"
#include "services/cli/commands.h"
#include "services/cli/display_text.h"
#include "services/cli/kind.h"
#include "services/cli/resource_client.h"
#include "services/cli/resource_name.h"
#include "services/cli/resource_text.h"
#include "services/cli/session.h"

namespace tarn::cli {
namespace {

constexpr int kHistoryLimit = 50;

struct GetOptions {
  std::string kind;
  std::string name;
  std::string format = "table";
  int limit = -1;
};

struct Found {
  std::vector<MessagePtr> resources;
  bool one = false;   // asked for by name
  bool more = false;  // the limit left some out
};

// The parent below which the kind is listed; "" for a kind without one.
absl::StatusOr<std::string> ParentName(const Kind& kind, const std::string& text) {
  if (kind.parent_pattern.empty()) return std::string();
  if (!text.empty()) return FullName(kind.parent_pattern, text);
  if (kind.lists_all) {
    return std::string(kind.parent_pattern.substr(0, kind.parent_pattern.find('/'))) + "/-";
  }
  return UsageError("name a " + NameForm(kind.parent_pattern) + ": tarn get " +
                    std::string(kind.command_name) + " " + NameForm(kind.parent_pattern));
}

// A name stands for one resource, or for the parent of many: "smart_hub" of tables, "smart-hub" of
// runs.
absl::StatusOr<Found> Find(ResourceClient& client, const Kind& kind, const GetOptions& options) {
  Found found;
  if (!options.name.empty() && kind.Method("Get") != nullptr) {
    const absl::StatusOr<std::string> name = FullName(kind.pattern, options.name);
    const bool is_parent = !name.ok() && !kind.parent_pattern.empty() &&
                           FullName(kind.parent_pattern, options.name).ok();
    if (!is_parent) {
      TARN_RETURN_IF_ERROR(name.status());
      TARN_ASSIGN_OR_RETURN(MessagePtr resource, client.Get(kind, *name));
      found.resources.push_back(std::move(resource));
      found.one = true;
      return found;
    }
  }
  if (!options.name.empty() && kind.parent_pattern.empty()) {
    return UsageError("a " + std::string(kind.command_name) + " cannot be read by its name; use " +
                      "tarn get " + std::string(kind.command_name));
  }
  TARN_ASSIGN_OR_RETURN(const std::string parent, ParentName(kind, options.name));
  const int limit = options.limit >= 0 ? options.limit : kind.is_history ? kHistoryLimit : 0;
  TARN_ASSIGN_OR_RETURN(ResourceClient::Page page, client.List(kind, parent, limit));
  found.resources = std::move(page.resources);
  found.more = page.more;
  return found;
}

void PrintTable(const Kind& kind, const Found& found, Terminal& terminal) {
  if (found.resources.empty()) {
    terminal.err << "there are none\n";
    return;
  }
  std::vector<TableRow> rows;
  for (const MessagePtr& resource : found.resources) {
    TableRow& row = rows.emplace_back();
    for (const KindColumn& column : kind.columns) row.push_back(FieldCell(*resource, column));
  }
  WriteTable(terminal, TableColumnsOf(kind), rows);
}

// One resource is an object, many are an array.
absl::Status PrintJson(const Found& found, Terminal& terminal) {
  std::string text = found.one ? "" : "[";
  for (size_t i = 0; i < found.resources.size(); ++i) {
    TARN_ASSIGN_OR_RETURN(const std::string json,
                          proto_json::ToJson(*found.resources[i], {.pretty = true}));
    text += (i > 0 ? ",\n" : "") + json;
  }
  terminal.out << text << (found.one ? "\n" : "]\n");
  return absl::OkStatus();
}

// Manifests where the kind has them, else documents with all fields.
absl::Status PrintYaml(const Kind& kind, const Found& found, Terminal& terminal) {
  bool first = true;
  for (const MessagePtr& resource : found.resources) {
    if (!first) terminal.out << "---\n";
    first = false;
    std::string yaml;
    if (kind.has_manifest) {
      const std::string name = ShortName(TextField(*resource, "name"));
      ClearOutputOnly(kind, *resource);
      TARN_ASSIGN_OR_RETURN(yaml, proto_json::WriteManifest(kind.name, name, {}, *resource));
    } else {
      TARN_ASSIGN_OR_RETURN(yaml, proto_json::ToYaml(*resource));
    }
    terminal.out << yaml;
  }
  return absl::OkStatus();
}

absl::Status Get(Session& session, const GetOptions& options) {
  const absl::StatusOr<const Kind*> kind = FindKind(options.kind);
  if (!kind.ok()) return UsageError(std::string(kind.status().message()));
  TARN_ASSIGN_OR_RETURN(Connection * connection, session.GetConnection());
  ResourceClient client(*connection);
  TARN_ASSIGN_OR_RETURN(const Found found, Find(client, **kind, options));
  Terminal& terminal = session.terminal();
  if (options.format == "json") {
    TARN_RETURN_IF_ERROR(PrintJson(found, terminal));
  } else if (options.format == "yaml") {
    TARN_RETURN_IF_ERROR(PrintYaml(**kind, found, terminal));
  } else {
    PrintTable(**kind, found, terminal);
  }
  if (found.more && terminal.err_is_tty) {
    terminal.out.flush();
    terminal.err << terminal.OnErr(Style::kDim, "there are more; --limit 0 shows all") << "\n";
  }
  return absl::OkStatus();
}

// "Kinds:" with a line for each, made of the table of kinds.
std::string KindsHelp() {
  std::string text = "Kinds:\n";
  for (const Kind& kind : AllKinds()) {
    std::string line = "  " + std::string(kind.command_name);
    line.append(line.size() < 15 ? 15 - line.size() : 1, ' ');
    if (!kind.parent_pattern.empty()) {
      const std::string parent = NameForm(kind.parent_pattern);
      line += kind.lists_all ? "[" + parent + "]" : parent;
      if (kind.Method("Get") != nullptr) line += " or " + NameForm(kind.pattern);
    } else if (kind.Method("Get") != nullptr) {
      line += "[" + NameForm(kind.pattern) + "]";
    }
    while (line.back() == ' ') line.pop_back();
    text += line + "\n";
  }
  return text;
}

}  // namespace

void AddGetCommand(CLI::App& program, Session& session) {
  auto options = std::make_shared<GetOptions>();
  CLI::App* command = program.add_subcommand("get", "Show resources, work and its history");
  command->add_option("kind", options->kind, "What to show: tables, pipelines, runs ...")
      ->required()
      ->type_name("KIND");
  command->add_option("name", options->name, "Its name, or its parent's")->type_name("NAME");
  command->add_option("-o,--output", options->format, "table, json or yaml (yaml can be applied)")
      ->check(CLI::IsMember({"table", "json", "yaml"}))
      ->type_name("FORMAT");
  command->add_option("--limit", options->limit, "The most to show; 0 for all")
      ->check(CLI::NonNegativeNumber)
      ->type_name("N");
  command->footer(KindsHelp() +
                  "\nExample:\n"
                  "  tarn get tables smart_hub\n"
                  "  tarn get pipeline smart-hub -o yaml\n"
                  "  tarn get runs smart-hub\n");
  command->fallthrough();
  command->callback([&session, options] {
    session.action = [&session, options] { return Get(session, *options); };
  });
}

}  // namespace tarn::cli

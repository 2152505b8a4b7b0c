// tarn apply: manifests become resources.
#include <memory>

#include <CLI/CLI.hpp>
#include <absl/strings/str_join.h>

#include "common/status/status_macros.h"
#include "services/cli/applier.h"
#include "services/cli/commands.h"
#include "services/cli/display_text.h"
#include "services/cli/error_report.h"
#include "services/cli/manifest_files.h"
#include "services/cli/session.h"

namespace tarn::cli {
namespace {

struct ApplyOptions {
  std::vector<std::string> paths;
  bool dry_run = false;
};

const char* OutcomeText(ApplyOutcome outcome) {
  switch (outcome) {
    case ApplyOutcome::kCreated:
      return "created";
    case ApplyOutcome::kUpdated:
      return "updated";
    case ApplyOutcome::kUnchanged:
      break;
  }
  return "unchanged";
}

Style OutcomeStyle(ApplyOutcome outcome) {
  return outcome == ApplyOutcome::kUnchanged ? Style::kDim : Style::kGood;
}

absl::Status ApplyOne(const DesiredResource& desired, bool dry_run, Applier& applier,
                      Terminal& terminal) {
  ApplyOutcome outcome;
  std::string note;
  if (dry_run) {
    TARN_ASSIGN_OR_RETURN(const Applier::Preview preview, applier.DryRun(desired));
    outcome = preview.outcome;
    if (!preview.fields.empty()) note = " (" + absl::StrJoin(preview.fields, ", ") + ")";
    note += " (dry run)";
  } else {
    TARN_ASSIGN_OR_RETURN(outcome, applier.Apply(desired));
  }
  terminal.out << desired.label << " "
               << terminal.OnOut(OutcomeStyle(outcome), OutcomeText(outcome)) << note << std::endl;
  return absl::OkStatus();
}

// With a server that cannot be reached or does not know the caller, the next resource fares no
// better.
bool IsHopeless(const absl::Status& status) {
  return status.code() == absl::StatusCode::kUnavailable ||
         status.code() == absl::StatusCode::kUnauthenticated;
}

absl::Status Apply(Session& session, const ApplyOptions& options) {
  TARN_ASSIGN_OR_RETURN(const std::vector<DesiredResource> resources,
                        LoadManifests(options.paths, session.terminal().in));
  TARN_ASSIGN_OR_RETURN(Connection * connection, session.GetConnection());
  ResourceClient client(*connection);
  Applier applier(client);
  Terminal& terminal = session.terminal();
  int failed = 0;
  for (const DesiredResource& desired : resources) {
    const absl::Status status = ApplyOne(desired, options.dry_run, applier, terminal);
    if (status.ok()) continue;
    if (IsHopeless(status)) return status;
    ++failed;
    terminal.out << desired.label << " " << terminal.OnOut(Style::kBad, "failed") << std::endl;
    ReportError(session, status);
  }
  if (failed == 0) return absl::OkStatus();
  terminal.err << "tarn: " << failed << " of " << Counted(resources.size(), "resource")
               << " could not be applied; the others were\n";
  return AlreadyReported();
}

}  // namespace

void AddApplyCommand(CLI::App& program, Session& session) {
  auto options = std::make_shared<ApplyOptions>();
  CLI::App* command =
      program.add_subcommand("apply", "Create or update resources as manifests say");
  command
      ->add_option("-f,--file", options->paths,
                   "Files, folders (their *.yaml and *.yml), or - for standard input")
      ->required()
      ->type_name("PATH...");
  command->add_flag("--dry-run", options->dry_run, "Only say what would happen");
  command->footer(
      "Example:\n"
      "  tarn apply -f docs/examples/smart-hub\n"
      "  tarn get pipeline smart-hub -o yaml | tarn apply -f -\n");
  command->fallthrough();
  command->callback([&session, options] {
    session.action = [&session, options] { return Apply(session, *options); };
  });
}

}  // namespace tarn::cli

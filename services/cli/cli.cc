#include "services/cli/cli.h"

#include <algorithm>
#include <cstdlib>

#include <CLI/CLI.hpp>

#include "services/cli/commands.h"
#include "services/cli/error_report.h"
#include "services/cli/session.h"

namespace tarn::cli {
namespace {

std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

bool IsTrue(const std::string& text) { return text == "1" || text == "true" || text == "yes"; }

// What the environment says of options that the command line left out. A key named on the command
// line outdoes both of the environment's.
void TakeEnvironment(GlobalOptions& options) {
  if (options.address.empty()) options.address = Environment("TARN_ADDRESS");
  if (options.address.empty()) options.address = GlobalOptions().address;
  if (options.key_file.empty()) options.key_file = Environment("TARN_KEY_FILE");
  if (options.key_file.empty()) options.key = Environment("TARN_KEY");
  if (options.ca_file.empty()) options.ca_file = Environment("TARN_CA_FILE");
  if (!options.tls) options.tls = IsTrue(Environment("TARN_TLS"));
}

void AddGlobalOptions(CLI::App& program, GlobalOptions& options) {
  options.address.clear();
  program.add_option("--address", options.address,
                     "host:port of Tarn [TARN_ADDRESS, or 127.0.0.1:7100]");
  program.add_option("--key-file", options.key_file,
                     "A file that holds your key [TARN_KEY_FILE; or TARN_KEY holds the key]");
  program.add_flag("--tls", options.tls, "Talk TLS [TARN_TLS=1]");
  program.add_option("--ca-file", options.ca_file,
                     "The authority of the server's certificate, PEM; turns TLS on [TARN_CA_FILE]");
  program.add_flag("-v,--verbose", options.verbose,
                   "Show an error's code, reason, metadata and request id");
}

int Report(Session& session, const absl::Status& status) {
  Terminal& terminal = session.terminal();
  terminal.out.flush();
  if (status.ok() && !terminal.out.good()) {
    terminal.err << "tarn: cannot write to standard output; is the disk full?\n";
    return kExitFailed;
  }
  ReportError(session, status);
  if (status.ok()) return kExitOk;
  return IsUsageError(status) ? kExitUsage : kExitFailed;
}

int ReportUsage(const CLI::App& program, const CLI::ParseError& error, Terminal& terminal) {
  std::string command = "tarn";
  for (const CLI::App* chosen : program.get_subcommands()) command += " " + chosen->get_name();
  terminal.err << "tarn: " << error.what() << "\n  " << command << " --help shows how it is used\n";
  return kExitUsage;
}

}  // namespace

int RunCli(const std::vector<std::string>& arguments, Terminal& terminal) {
  Session session(terminal);
  CLI::App program("Tarn's command line: manifests, files, records, SQL and runs.", "tarn");
  program.require_subcommand(1);
  program.set_version_flag("--version", std::string("tarn ") + TARN_VERSION, "Show the version");
  program.footer(
      "Example:\n"
      "  tarn apply -f docs/examples/smart-hub\n"
      "  tarn upload smart_hub.usage_json data/usage\n"
      "  tarn run smart-hub --wait\n"
      "  tarn query 'SELECT sum(cost) FROM smart_hub.usage_enriched'\n");
  AddGlobalOptions(program, session.options());
  AddApplyCommand(program, session);
  AddGetCommand(program, session);
  AddDeleteCommand(program, session);
  AddUploadCommand(program, session);
  AddCrawlCommand(program, session);
  AddRunCommand(program, session);
  AddPutCommand(program, session);
  AddDevicesCommand(program, session);
  AddReprocessCommand(program, session);
  AddSnapshotsCommand(program, session);
  AddTagsCommand(program, session);
  AddDiffCommand(program, session);
  AddRollbackCommand(program, session);
  AddQueryCommand(program, session);
  AddAccessCommand(program, session);
  AddAlertsCommand(program, session);
  AddStatusCommand(program, session);
  AddKeyCommand(program, session);
  AddWalCommand(program, session);

  try {
    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());  // as CLI11 takes them
    program.parse(std::move(reversed));
  } catch (const CLI::CallForHelp&) {
    const CLI::App* asked = &program;
    std::string before;  // the names that stand before the asked command's own
    while (!asked->get_subcommands().empty()) {
      before += (before.empty() ? "" : " ") + asked->get_name();
      asked = asked->get_subcommands().front();
    }
    terminal.out << asked->help(before) << std::flush;
    return kExitOk;
  } catch (const CLI::CallForVersion& version) {
    terminal.out << version.what() << "\n" << std::flush;
    return kExitOk;
  } catch (const CLI::ParseError& error) {
    return ReportUsage(program, error, terminal);
  }
  TakeEnvironment(session.options());
  return Report(session, session.action());
}

}  // namespace tarn::cli

// tarn status: who serves, who you are, and what is going on.
#include <memory>

#include <CLI/CLI.hpp>
#include <absl/strings/str_join.h>
#include <absl/time/clock.h>

#include "tarn/alerting/v1/rule.pb.h"
#include "tarn/dashboard/v1/auth_service.grpc.pb.h"
#include "tarn/ingestion/v1/stream.pb.h"

#include "common/status/status_macros.h"
#include "services/cli/commands.h"
#include "services/cli/display_text.h"
#include "services/cli/error_report.h"
#include "services/cli/resource_client.h"
#include "services/cli/resource_name.h"
#include "services/cli/resource_text.h"
#include "services/cli/session.h"

namespace tarn::cli {
namespace {

constexpr int kShownRuns = 5;

// A read of each module that costs it next to nothing but does go all the way to its storage.
struct Probe {
  const char* module;
  const char* kind;
};
constexpr Probe kProbes[] = {{"ingestion", "stream"},   {"catalog", "database"},
                             {"transform", "pipeline"}, {"query", "query"},
                             {"alerting", "rule"},      {"dashboard", "dashboard"}};

absl::Status ShowCaller(Session& session, Connection& connection) {
  auto stub = dashboard::v1::AuthService::NewStub(connection.channel());
  TARN_ASSIGN_OR_RETURN(const dashboard::v1::GetCallerResponse caller,
                        connection.Call(*stub, &dashboard::v1::AuthService::Stub::GetCaller, {}));
  Terminal& terminal = session.terminal();
  terminal.out << "address    " << connection.options().address << "\n"
               << "client     tarn " << TARN_VERSION << "\n"
               << "workspace  " << caller.workspace() << "\n"
               << "user       " << caller.user() << " (" << absl::StrJoin(caller.roles(), ", ")
               << ")\n";
  return absl::OkStatus();
}

// Gives the number of modules that do not answer.
int ShowModules(Session& session, ResourceClient& client) {
  Terminal& terminal = session.terminal();
  int failed = 0;
  std::vector<TableRow> rows;
  for (const Probe& probe : kProbes) {
    const Kind& kind = **FindKind(probe.kind);
    const absl::Time begin = absl::Now();
    const absl::Status status = client.List(kind, "", 1).status();
    const std::string time = DurationText(absl::Now() - begin);
    if (status.ok()) {
      rows.push_back({{probe.module}, {"serving", Style::kGood}, {time}, {""}});
    } else {
      ++failed;
      rows.push_back(
          {{probe.module}, {"failing", Style::kBad}, {time}, {OneLine(ErrorText(status))}});
    }
  }
  WriteTable(terminal, {{"MODULE"}, {"STATE"}, {"ANSWERED IN", true}, {"ERROR"}}, rows);
  return failed;
}

// Why a stream's delivery does not get on, else what makes it slow.
TableCell DeliveryProblem(const ingestion::v1::StreamStatistics& statistics) {
  if (!statistics.delivery_error().empty()) {
    return {OneLine(statistics.delivery_error()), Style::kBad};
  }
  return {OneLine(statistics.delivery_warning()), Style::kWarning};
}

// What could not be read is left out: the table of modules has said why.
void ShowStreams(Terminal& terminal, ResourceClient& client) {
  const auto page = client.List(**FindKind("stream"), "", 0);
  if (!page.ok() || page->resources.empty()) return;
  std::vector<TableRow> rows;
  for (const MessagePtr& resource : page->resources) {
    const auto& stream = static_cast<const ingestion::v1::Stream&>(*resource);
    const auto& statistics = stream.statistics();
    rows.push_back({{ShortName(stream.name())},
                    {WithThousands(statistics.delivered_records())},
                    {WithThousands(statistics.end_position() - statistics.delivered_position())},
                    {WithThousands(statistics.dead_letter_records())},
                    DeliveryProblem(statistics)});
  }
  terminal.out << "\n";
  WriteTable(
      terminal,
      {{"STREAM"}, {"DELIVERED", true}, {"WAITING", true}, {"DEAD LETTERS", true}, {"PROBLEM"}},
      rows);
}

void ShowKind(Terminal& terminal, ResourceClient& client, const char* word,
              const std::string& parent, int limit) {
  const Kind& kind = **FindKind(word);
  const auto page = client.List(kind, parent, limit);
  if (!page.ok()) return;
  std::vector<TableRow> rows;
  for (const MessagePtr& resource : page->resources) {
    if (kind.name == "Alert" && static_cast<const alerting::v1::Alert&>(*resource).state() !=
                                    alerting::v1::ALERT_STATE_FIRING) {
      continue;
    }
    TableRow& row = rows.emplace_back();
    for (const KindColumn& column : kind.columns) row.push_back(FieldCell(*resource, column));
  }
  if (rows.empty()) return;
  std::vector<TableColumn> columns = TableColumnsOf(kind);
  columns[0].header = std::string(kind.command_name) == "run" ? "RUN" : "ALERT";
  terminal.out << "\n";
  WriteTable(terminal, std::move(columns), rows);
}

absl::Status ShowStatus(Session& session) {
  TARN_ASSIGN_OR_RETURN(Connection * connection, session.GetConnection());
  TARN_RETURN_IF_ERROR(ShowCaller(session, *connection));
  Terminal& terminal = session.terminal();
  terminal.out << "\n";
  // How things stand now is what was asked for, not how they are in five seconds.
  connection->DoNotRetry();
  ResourceClient client(*connection);
  const int failed = ShowModules(session, client);
  ShowStreams(terminal, client);
  ShowKind(terminal, client, "run", "pipelines/-", kShownRuns);
  ShowKind(terminal, client, "alert", "rules/-", 0);
  return failed == 0 ? absl::OkStatus() : AlreadyReported();
}

}  // namespace

void AddStatusCommand(CLI::App& program, Session& session) {
  CLI::App* command = program.add_subcommand(
      "status", "Show modules, streams, recent runs and firing alerts; fails when a module does");
  command->footer("Example:\n  tarn status\n");
  command->fallthrough();
  command->callback([&session] { session.action = [&session] { return ShowStatus(session); }; });
}

}  // namespace tarn::cli

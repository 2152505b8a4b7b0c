// tarn alerts: what fires, first.
#include <algorithm>
#include <memory>

#include <CLI/CLI.hpp>

#include "tarn/alerting/v1/alerting_service.grpc.pb.h"

#include "common/status/status_macros.h"
#include "services/cli/commands.h"
#include "services/cli/display_text.h"
#include "services/cli/resource_client.h"
#include "services/cli/resource_name.h"
#include "services/cli/resource_text.h"
#include "services/cli/session.h"

namespace tarn::cli {
namespace {

namespace alerting = ::tarn::alerting::v1;
using Stub = alerting::AlertingService::Stub;

struct AlertsOptions {
  std::string rule;
  std::string acknowledge;
  bool all = false;
};

absl::Status Acknowledge(Session& session, const std::string& text) {
  alerting::AcknowledgeAlertRequest request;
  TARN_ASSIGN_OR_RETURN(*request.mutable_name(), FullName("rules/{rule}/alerts/{alert}", text));
  TARN_ASSIGN_OR_RETURN(Connection * connection, session.GetConnection());
  auto stub = alerting::AlertingService::NewStub(connection->channel());
  TARN_ASSIGN_OR_RETURN(const alerting::Alert alert,
                        connection->Call(*stub, &Stub::AcknowledgeAlert, request));
  session.terminal().out << ShortName(alert.name()) << " acknowledged\n";
  return absl::OkStatus();
}

absl::Status Alerts(Session& session, const AlertsOptions& options) {
  if (!options.acknowledge.empty()) return Acknowledge(session, options.acknowledge);
  std::string parent = "rules/-";
  if (!options.rule.empty()) {
    TARN_ASSIGN_OR_RETURN(parent, FullName("rules/{rule}", options.rule));
  }
  TARN_ASSIGN_OR_RETURN(const Kind* kind, FindKind("alert"));
  TARN_ASSIGN_OR_RETURN(Connection * connection, session.GetConnection());
  ResourceClient client(*connection);
  TARN_ASSIGN_OR_RETURN(const ResourceClient::Page page, client.List(*kind, parent, 0));
  std::vector<const alerting::Alert*> alerts;
  for (const MessagePtr& resource : page.resources) {
    const auto& alert = static_cast<const alerting::Alert&>(*resource);
    if (options.all || alert.state() != alerting::ALERT_STATE_OK) alerts.push_back(&alert);
  }
  // FIRING, PENDING, OK.
  std::stable_sort(alerts.begin(), alerts.end(),
                   [](const auto* a, const auto* b) { return a->state() > b->state(); });
  Terminal& terminal = session.terminal();
  if (alerts.empty()) {
    terminal.out << "no alert is firing\n";
    return absl::OkStatus();
  }
  std::vector<TableRow> rows;
  for (const alerting::Alert* alert : alerts) {
    TableRow& row = rows.emplace_back();
    for (const KindColumn& column : kind->columns) row.push_back(FieldCell(*alert, column));
  }
  WriteTable(terminal, TableColumnsOf(*kind), rows);
  return absl::OkStatus();
}

}  // namespace

void AddAlertsCommand(CLI::App& program, Session& session) {
  auto options = std::make_shared<AlertsOptions>();
  CLI::App* command = program.add_subcommand("alerts", "Show what fires, and what is about to");
  command->add_option("rule", options->rule, "Only the alerts of this rule")->type_name("RULE");
  command->add_flag("--all", options->all, "Also those that are well");
  command->add_option("--acknowledge", options->acknowledge, "Say that you look after this alert")
      ->type_name("RULE/ALERT");
  command->footer("Example:\n  tarn alerts\n  tarn alerts carbon-monoxide --all\n");
  command->fallthrough();
  command->callback([&session, options] {
    session.action = [&session, options] { return Alerts(session, *options); };
  });
}

}  // namespace tarn::cli

// tarn reprocess: runs a stream's present activities once more over its raw copies.
#include <memory>
#include <optional>

#include <CLI/CLI.hpp>
#include <absl/time/clock.h>

#include "tarn/ingestion/v1/reprocess_service.grpc.pb.h"

#include "common/ids/ids.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/cli/commands.h"
#include "services/cli/display_text.h"
#include "services/cli/progress_line.h"
#include "services/cli/resource_name.h"
#include "services/cli/session.h"
#include "services/cli/time_option.h"

namespace tarn::cli {
namespace {

namespace ingestion = ::tarn::ingestion::v1;
namespace common = ::tarn::common::v1;
using Stub = ingestion::ReprocessService::Stub;

// One wait on the server; a terminal's clock ticks in between.
constexpr int kWaitSeconds = 20;
constexpr int kWatchedWaitSeconds = 1;

struct ReprocessOptions {
  std::string stream;
  std::string from;
  std::string to;
  std::string destination;
  bool wait = false;
};

absl::StatusOr<ingestion::StartReprocessRequest> RequestOf(const ReprocessOptions& options) {
  ingestion::StartReprocessRequest request;
  TARN_ASSIGN_OR_RETURN(*request.mutable_stream(), FullName("streams/{stream}", options.stream));
  TARN_ASSIGN_OR_RETURN(*request.mutable_start_time(), ParseTimeOption("--from", options.from));
  if (!options.to.empty()) {
    TARN_ASSIGN_OR_RETURN(*request.mutable_end_time(), ParseTimeOption("--to", options.to));
  }
  if (!options.destination.empty()) {
    TARN_ASSIGN_OR_RETURN(*request.mutable_destination(),
                          FullName("databases/{database}/tables/{table}", options.destination));
  }
  request.set_request_id(NewUuid());
  return request;
}

bool IsTerminal(common::ExecutionState state) {
  return state != common::EXECUTION_STATE_QUEUED && state != common::EXECUTION_STATE_RUNNING;
}

std::string ProgressText(const ingestion::Reprocess& reprocess, absl::Duration elapsed) {
  std::string text = "reprocessing … " + DurationText(elapsed);
  if (reprocess.statistics().records_read() > 0) {
    text += "  " + Counted(reprocess.statistics().records_read(), "record");
  }
  if (!reprocess.message().empty()) text += "  " + reprocess.message();
  return text;
}

absl::StatusOr<ingestion::Reprocess> WaitFor(Connection& connection, Stub& stub,
                                             ingestion::Reprocess reprocess, Terminal& terminal) {
  ProgressLine progress(terminal);
  const absl::Time begin = absl::Now();
  while (!IsTerminal(reprocess.state())) {
    progress.Show(ProgressText(reprocess, absl::Now() - begin));
    ingestion::GetReprocessRequest request;
    request.set_name(reprocess.name());
    request.mutable_wait()->set_seconds(terminal.err_is_tty ? kWatchedWaitSeconds : kWaitSeconds);
    TARN_ASSIGN_OR_RETURN(reprocess, connection.Call(stub, &Stub::GetReprocess, request));
  }
  return reprocess;
}

absl::Status Report(const ingestion::Reprocess& reprocess, Terminal& terminal) {
  if (reprocess.state() == common::EXECUTION_STATE_SUCCEEDED) {
    const ingestion::ReprocessStatistics& statistics = reprocess.statistics();
    terminal.out << ShortName(reprocess.name()) << ": "
                 << Counted(statistics.records_read(), "record") << " read, "
                 << Counted(statistics.rows_written(), "row") << " in the place of "
                 << WithThousands(statistics.rows_replaced());
    if (statistics.dead_letters() > 0) {
      terminal.out << ", " << Counted(statistics.dead_letters(), "dead letter");
    }
    if (statistics.resolved_dead_letters() > 0) {
      terminal.out << ", " << WithThousands(statistics.resolved_dead_letters())
                   << " of before resolved";
    }
    terminal.out << std::endl;
    return absl::OkStatus();
  }
  if (reprocess.error().message().empty()) {
    return Aborted("REPROCESS_CANCELLED",
                   "the reprocess " + ShortName(reprocess.name()) + " was cancelled");
  }
  return MakeError(static_cast<absl::StatusCode>(reprocess.error().code()),
                   reprocess.error().reason(),
                   "the reprocess failed: " + reprocess.error().message(),
                   {reprocess.error().metadata().begin(), reprocess.error().metadata().end()});
}

absl::Status Reprocess(Session& session, const ReprocessOptions& options) {
  TARN_ASSIGN_OR_RETURN(const ingestion::StartReprocessRequest request, RequestOf(options));
  TARN_ASSIGN_OR_RETURN(Connection * connection, session.GetConnection());
  auto stub = ingestion::ReprocessService::NewStub(connection->channel());
  TARN_ASSIGN_OR_RETURN(ingestion::Reprocess reprocess,
                        connection->Call(*stub, &Stub::StartReprocess, request));
  if (!options.wait) {
    session.terminal().out << ShortName(reprocess.name()) << " started" << std::endl;
    return absl::OkStatus();
  }
  TARN_ASSIGN_OR_RETURN(reprocess,
                        WaitFor(*connection, *stub, std::move(reprocess), session.terminal()));
  return Report(reprocess, session.terminal());
}

}  // namespace

void AddReprocessCommand(CLI::App& program, Session& session) {
  auto options = std::make_shared<ReprocessOptions>();
  CLI::App* command = program.add_subcommand(
      "reprocess", "Run a stream's present activities over its raw copies once more");
  command->add_option("stream", options->stream, "The stream")->required()->type_name("NAME");
  command->add_option("--from", options->from, "Records that arrived at this time or later")
      ->required()
      ->type_name("TIME");
  command
      ->add_option("--to", options->to, "Records that arrived before this time; now unless given")
      ->type_name("TIME");
  command
      ->add_option("--destination", options->destination,
                   "Only this destination (all of them unless given)")
      ->type_name("DATABASE.TABLE");
  command->add_flag("--wait", options->wait, "Wait until it has ended");
  command->footer(
      "Examples:\n"
      "  tarn reprocess device_messages --from 2026-11-21T12:00:00Z --wait\n"
      "  tarn reprocess device_messages --from 2026-11-01 --to 2026-11-02 --destination "
      "iot.readings\n");
  command->fallthrough();
  command->callback([&session, options] {
    session.action = [&session, options] { return Reprocess(session, *options); };
  });
}

}  // namespace tarn::cli

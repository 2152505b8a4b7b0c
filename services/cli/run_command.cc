// tarn run: starts a pipeline and, if asked, watches it.
#include <memory>

#include <CLI/CLI.hpp>

#include "tarn/transform/v1/transform_service.grpc.pb.h"

#include "common/ids/ids.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/cli/commands.h"
#include "services/cli/display_text.h"
#include "services/cli/interrupt.h"
#include "services/cli/key_value.h"
#include "services/cli/resource_name.h"
#include "services/cli/run_view.h"
#include "services/cli/session.h"

namespace tarn::cli {
namespace {

namespace common = ::tarn::common::v1;
namespace transform = ::tarn::transform::v1;
using Stub = transform::TransformService::Stub;

struct RunOptions {
  std::string pipeline;
  std::vector<std::string> parameters;
  bool wait = false;
};

// Shows the run until it has ended, the stream breaks or somebody presses Ctrl-C.
absl::Status WatchOnce(Connection& connection, Stub& stub, const std::string& name, RunView& view,
                       transform::Run& run, bool& detached) {
  TARN_ASSIGN_OR_RETURN(const rpc::Credentials credentials, connection.GetCredentials());
  grpc::ClientContext context;
  rpc::PrepareContext(context, credentials, absl::InfiniteDuration());
  InterruptListener interrupt([&context] { context.TryCancel(); });
  transform::WatchRunRequest request;
  request.set_name(name);
  auto reader = stub.WatchRun(&context, request);
  transform::WatchRunResponse response;
  while (reader->Read(&response)) {
    run = response.run();
    view.Show(run);
  }
  const grpc::Status status = reader->Finish();
  detached = interrupt.interrupted();
  return rpc::FromGrpcStatus(status);
}

absl::Status Outcome(const transform::Run& run, Terminal& terminal) {
  const std::string name = ShortName(run.name());
  if (run.state() == common::EXECUTION_STATE_SUCCEEDED) {
    terminal.out << name << " " << terminal.OnOut(Style::kGood, "succeeded") << std::endl;
    return absl::OkStatus();
  }
  if (run.error().message().empty()) {
    return Aborted("RUN_STOPPED", "the run " + name + " was stopped before its end");
  }
  return MakeError(static_cast<absl::StatusCode>(run.error().code()), run.error().reason(),
                   "the run " + name + " failed: " + run.error().message(),
                   {run.error().metadata().begin(), run.error().metadata().end()});
}

absl::Status Watch(Session& session, Connection& connection, Stub& stub, const std::string& name) {
  Terminal& terminal = session.terminal();
  RunView view(terminal);
  transform::Run run;
  bool detached = false;
  // The run outlives a restart of the server, so the watch does too.
  const absl::Status status = rpc::RetryUnavailable(connection.options().retry, [&] {
    return WatchOnce(connection, stub, name, view, run, detached);
  });
  if (detached) {
    terminal.err << "\ntarn: the run goes on; tarn get run " << ShortName(name)
                 << " shows how it stands\n";
    return AlreadyReported();
  }
  TARN_RETURN_IF_ERROR(status);
  return Outcome(run, terminal);
}

absl::Status Run(Session& session, const RunOptions& options) {
  transform::StartRunRequest request;
  TARN_ASSIGN_OR_RETURN(*request.mutable_pipeline(),
                        FullName("pipelines/{pipeline}", options.pipeline));
  TARN_ASSIGN_OR_RETURN(const auto parameters, ParseKeyValues("--param", options.parameters));
  request.mutable_parameters()->insert(parameters.begin(), parameters.end());
  request.set_request_id(NewUuid());
  TARN_ASSIGN_OR_RETURN(Connection * connection, session.GetConnection());
  auto stub = transform::TransformService::NewStub(connection->channel());
  TARN_ASSIGN_OR_RETURN(const transform::Run run,
                        connection->Call(*stub, &Stub::StartRun, request));
  session.terminal().out << ShortName(run.name()) << " started" << std::endl;
  if (!options.wait) return absl::OkStatus();
  return Watch(session, *connection, *stub, run.name());
}

}  // namespace

void AddRunCommand(CLI::App& program, Session& session) {
  auto options = std::make_shared<RunOptions>();
  CLI::App* command = program.add_subcommand("run", "Start a run of a pipeline");
  command->add_option("pipeline", options->pipeline, "The pipeline")
      ->required()
      ->type_name("PIPELINE");
  command->add_option("--param", options->parameters, "A parameter's value; may be repeated")
      ->type_name("KEY=VALUE")
      ->expected(1)
      ->take_all();
  command->add_flag("-w,--wait", options->wait,
                    "Show the steps and wait for the end; fails when the run fails. Ctrl-C leaves "
                    "the run going");
  command->footer(
      "Example:\n"
      "  tarn run smart-hub --wait\n"
      "  tarn run smart-hub --param home=b6a8d42425fde548 --param from_date=2019-12-21\n");
  command->fallthrough();
  command->callback([&session, options] {
    session.action = [&session, options] { return Run(session, *options); };
  });
}

}  // namespace tarn::cli

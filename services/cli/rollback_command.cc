// tarn rollback: gives a table the files of an earlier snapshot.
#include <memory>

#include <CLI/CLI.hpp>

#include "tarn/catalog/v1/history_service.grpc.pb.h"

#include "common/ids/ids.h"
#include "common/status/status_macros.h"
#include "services/cli/commands.h"
#include "services/cli/resource_name.h"
#include "services/cli/session.h"
#include "services/cli/snapshot_reference.h"

namespace tarn::cli {
namespace {

namespace catalog = ::tarn::catalog::v1;
using Stub = catalog::HistoryService::Stub;

struct RollbackOptions {
  std::string table;
  std::string to;
  int64_t base = 0;
};

absl::Status Rollback(Session& session, const RollbackOptions& options) {
  catalog::RollbackTableRequest request;
  TARN_ASSIGN_OR_RETURN(*request.mutable_table(),
                        FullName("databases/{database}/tables/{table}", options.table));
  TARN_ASSIGN_OR_RETURN(*request.mutable_to(), ParseSnapshotReference("--to", options.to));
  request.set_base_snapshot_id(options.base);
  request.set_request_id(NewUuid());
  TARN_ASSIGN_OR_RETURN(Connection * connection, session.GetConnection());
  auto stub = catalog::HistoryService::NewStub(connection->channel());
  TARN_ASSIGN_OR_RETURN(const catalog::Snapshot snapshot,
                        connection->Call(*stub, &Stub::RollbackTable, request));
  const auto said = [&snapshot](const char* key) {
    const auto found = snapshot.summary().find(key);
    return found == snapshot.summary().end() ? std::string("?") : found->second;
  };
  Terminal& terminal = session.terminal();
  if (snapshot.operation() != catalog::SNAPSHOT_OPERATION_ROLLBACK) {
    terminal.out << ShortName(request.table()) << " is at snapshot " << snapshot.snapshot_id()
                 << " already\n";
    return absl::OkStatus();
  }
  terminal.out << ShortName(request.table()) << " has the rows of snapshot " << said("rollback-to")
               << " again (" << said("total-rows") << "), by the new snapshot "
               << snapshot.snapshot_id() << "; the way back: tarn rollback "
               << ShortName(request.table()) << " --to " << snapshot.parent_snapshot_id() << "\n";
  return absl::OkStatus();
}

}  // namespace

void AddRollbackCommand(CLI::App& program, Session& session) {
  auto options = std::make_shared<RollbackOptions>();
  CLI::App* command = program.add_subcommand(
      "rollback", "Give a table the rows of an earlier snapshot, by a new one");
  command->add_option("table", options->table, "The table")
      ->required()
      ->type_name("DATABASE.TABLE");
  command->add_option("--to", options->to, "A snapshot's id, a time or a tag")
      ->required()
      ->type_name("SNAPSHOT");
  command
      ->add_option("--base", options->base,
                   "Only while this is the current snapshot's id: nobody has written since")
      ->type_name("ID");
  command->footer(
      "Examples:\n"
      "  tarn rollback iot.readings --to before-cleanup\n"
      "  tarn rollback iot.readings --to 2026-11-21T15:00:00Z\n"
      "What streams have delivered since is not delivered again; tarn diff shows beforehand what "
      "would go.\n");
  command->fallthrough();
  command->callback([&session, options] {
    session.action = [&session, options] { return Rollback(session, *options); };
  });
}

}  // namespace tarn::cli

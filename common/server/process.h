// The main function of every server program of Tarn: options, signals, the shared services of a
// process, its modules, and their end.
//
//   int main(int argc, char** argv) {
//     tarn::catalog::CatalogOptions options;
//     return tarn::server::RunModuleProcess(argc, argv, {
//         .name = "catalog",
//         .summary = "Tables, their snapshots and who may read them.",
//         .default_listen = "127.0.0.1:7101",
//         .register_options = [&](auto& set) { options.Register(set); },
//         .create = [&](const auto& context) { return tarn::catalog::CreateModule(options,
//         context); },
//     });
//   }
//
// What the process writes is for its user alone (umask 077).
//
// Exit codes: 0 after a stop in good order (and after --help), 1 when the process could not start,
// 2 for bad options. What went wrong is one message on standard error.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "common/server/module.h"
#include "common/server/module_context.h"
#include "common/server/process_options.h"

namespace tarn::config {
class OptionSet;
}

namespace tarn::server {

struct ModuleSpec {
  // "catalog": the prefix of its options and its name in the directory.
  std::string name;
  std::string summary;
  // Default of the option <name>.listen. Empty: calls within the process alone.
  std::string default_listen;
  // Adds the module's own options. Optional.
  std::function<void(config::OptionSet&)> register_options;
  // Makes the module after the options are loaded. It may refuse them (INVALID_ARGUMENT ends the
  // process with 2), and keeps what it needs of the context: the references in it stay valid, the
  // struct does not.
  std::function<absl::StatusOr<std::unique_ptr<Module>>(const ModuleContext&)> create;
};

struct ProcessSpec {
  // "tarn-standalone".
  std::string program;
  std::string summary;
  // In the order of start; they stop in the reverse order.
  std::vector<ModuleSpec> modules;
  // Adds options of the program's own. Optional.
  std::function<void(config::OptionSet&)> register_options;
  // Runs when the options are read and before they are checked: defaults that hang on other
  // options, and folders that must be there. An error ends the process as one of its options.
  // Optional.
  std::function<absl::Status(ProcessOptions&)> adjust;
  // Runs once the options are checked, before anything else is made: the embedded PostgreSQL starts
  // here and sets postgres_dsn. Optional.
  std::function<absl::Status(ProcessOptions&)> prepare;
  // Runs last, whatever happened since `prepare` succeeded. Optional.
  std::function<void()> finish;
};

// Runs until SIGTERM or SIGINT, or until a start fails. A second signal ends the process at once.
// Call it from main, before any thread is started.
int RunProcess(int argc, const char* const* argv, ProcessSpec spec);

// One module in a process of its own, called "tarn-<name>".
int RunModuleProcess(int argc, const char* const* argv, ModuleSpec spec);

}  // namespace tarn::server

// Tarn as real processes, in either form: standalone, or six programs over one PostgreSQL. Any of
// them can be killed and started again, and so can PostgreSQL. Owns a data folder that goes with
// it. One thread, but for Tarn and Query, which any may call.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/testing/temp_dir.h"
#include "tests/e2e/child.h"
#include "tests/e2e/port_lease.h"

namespace tarn {
class PrivateCluster;
}

namespace tarn::e2e {

enum class Form { kStandalone, kSixProcesses };

struct DeploymentOptions {
  // Options of the programs: {"transform.lease_ttl", "2s"} goes to those that run that module.
  std::map<std::string, std::string> flags;
  // Of six processes: a PostgreSQL whose commits survive its kill. Standalone's always do.
  bool postgres_survives_kill = false;
  // Of six processes: a PostgreSQL that flushes, as in operation. Standalone's always does.
  bool postgres_durable = false;
};

// A program is named "standalone", or by its module. A second instance of a module, beside the
// first over the same PostgreSQL and lake, is "catalog@2": its clients are the programs with "@2".
class Deployment {
 public:
  explicit Deployment(Form form, DeploymentOptions options = {});
  ~Deployment();

  // From the next start of a program on, it finds `module` at `address`, such as a proxy's, instead
  // of where that listens. Of six processes.
  void RouteThrough(const std::string& module, const std::string& address) {
    routes_[module] = address;
  }
  // Starts PostgreSQL and every program, and waits until all serve. False, with the logs on
  // standard error, when they do not.
  bool Start();
  // "standalone", or the six modules.
  std::vector<std::string> programs() const;
  // SIGKILL, and at once again.
  void KillAndRestart(const std::string& program);
  void Kill(const std::string& program);
  // SIGTERM to all that run, dashboards last.
  void StopPrograms();
  // SIGTERM; the exit code of the program.
  int Stop(const std::string& program);
  // Of the program from its next start on, besides its own.
  void SetEnvironment(const std::string& program, const Environment& environment) {
    environments_[program] = environment;
  }
  // Waits until it says that it is ready, which is not yet that it serves.
  bool StartProgram(const std::string& program);
  bool WaitServing();
  // What the program wrote.
  std::string Log(const std::string& program) const;

  // Of six processes, whose PostgreSQL Start starts as well; at the same address each time.
  bool StartPostgres();
  void StopPostgres();
  // SIGKILL to PostgreSQL's first process. It is started again: by standalone itself, and beside
  // six processes by this object.
  void KillPostgres();
  // Of PostgreSQL's first process; 0 when it is down.
  pid_t PostgresPid() const;
  // Of six processes.
  std::string PostgresDsn() const;

  // From now on, Tarn calls the dashboard with that suffix: "@2".
  void UseSide(const std::string& suffix) { side_ = suffix; }
  // Runs the command line client against it, with the administrator's key.
  CommandResult Tarn(const std::vector<std::string>& arguments,
                     const std::string& input = "") const;
  // The same with a key of one's own.
  CommandResult TarnWithKey(const std::string& key,
                            const std::vector<std::string>& arguments) const;
  // The same through another address, such as a proxy's, with the administrator's key.
  CommandResult TarnAt(const std::string& address, const std::vector<std::string>& arguments) const;
  // The rows of a query as CSV lines without the header, or an error's text.
  std::vector<std::string> Query(const std::string& sql) const;

  // "127.0.0.1:1234": where the program's gRPC server listens.
  std::string address(const std::string& program = "dashboard") const;
  // The same of the page, and of ingestion's HTTP.
  std::string http_address() const;
  std::string ingestion_http_address() const;
  std::string admin_key_file() const;
  std::string lake() const;
  std::string folder() const { return folder_.path().string(); }

 private:
  std::vector<std::string> CommandOf(const std::string& program) const;
  std::string ReadyFile(const std::string& program) const;
  std::vector<std::pair<std::string, std::string>> AddressesFor(const std::string& suffix) const;

  const Form form_;
  const DeploymentOptions options_;
  const std::string& programs_folder_;
  TempDir folder_{TempDir::Access::kEveryone};
  std::map<std::string, PortLease> ports_;
  PortLease http_port_;
  PortLease ingestion_http_port_;
  std::string side_;
  std::map<std::string, std::string> routes_;
  std::unique_ptr<PrivateCluster> postgres_;
  std::map<std::string, std::unique_ptr<Child>> children_;
  std::map<std::string, Environment> environments_;
};

// The folder of the built programs.
const std::string& ProgramFolder();

}  // namespace tarn::e2e

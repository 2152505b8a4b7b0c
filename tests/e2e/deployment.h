// Tarn as real processes, in either form: standalone, or six programs over one PostgreSQL. Any of
// them can be killed and started again. Owns a data folder that goes with it. One thread.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/testing/temp_dir.h"
#include "tests/e2e/child.h"

namespace tarn {
class PrivateCluster;
}

namespace tarn::e2e {

enum class Form { kStandalone, kSixProcesses };

class Deployment {
 public:
  explicit Deployment(Form form);
  ~Deployment();

  // Starts every program and waits until all serve. False, with the logs on standard error, when
  // they do not.
  bool Start();
  // The programs: "standalone", or the six modules.
  std::vector<std::string> programs() const;
  // SIGKILL, and at once again.
  void KillAndRestart(const std::string& program);
  // SIGTERM; the exit code of the program.
  int Stop(const std::string& program);
  bool StartProgram(const std::string& program);
  bool WaitServing();

  // Runs the command line client against it, with the administrator's key.
  CommandResult Tarn(const std::vector<std::string>& arguments,
                     const std::string& input = "") const;
  // The same with a key of one's own.
  CommandResult TarnWithKey(const std::string& key,
                            const std::vector<std::string>& arguments) const;
  // The rows of a query as CSV lines without the header, or an error's text.
  std::vector<std::string> Query(const std::string& sql) const;

  // "127.0.0.1:1234": of the page.
  std::string http_address() const;
  std::string admin_key_file() const;
  std::string folder() const { return folder_.path().string(); }

 private:
  std::vector<std::string> CommandOf(const std::string& program) const;
  std::string ReadyFile(const std::string& program) const;

  const Form form_;
  TempDir folder_{TempDir::Access::kEveryone};
  std::map<std::string, int> ports_;
  int http_port_ = 0;
  std::unique_ptr<PrivateCluster> postgres_;
  std::map<std::string, std::unique_ptr<Child>> children_;
};

// The folder of the built programs.
std::string ProgramFolder();

}  // namespace tarn::e2e

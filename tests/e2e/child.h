// A child process of a test: its output kept, killed when the test ends, however it ends. One
// thread, which must live as long as its children (PR_SET_PDEATHSIG).
#pragma once

#include <string>
#include <vector>

#include <absl/time/clock.h>
#include <absl/time/time.h>
#include <sys/types.h>

namespace tarn::e2e {

struct CommandResult {
  int exit_code = -1;
  std::string out;
  std::string err;
};

using Environment = std::vector<std::pair<std::string, std::string>>;

// Runs a command to its end. `input` goes to its standard input. Ends it after `timeout`, with exit
// code -1.
CommandResult RunCommand(const std::vector<std::string>& command,
                         const Environment& environment = {}, const std::string& input = "",
                         absl::Duration timeout = absl::Minutes(10));

class Child {
 public:
  // Starts `command` with its output appended to the file `log`.
  Child(const std::vector<std::string>& command, const Environment& environment,
        const std::string& log);
  // Kills what still runs.
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  // Sends a signal; for SIGKILL and SIGTERM, waits for the end. Returns the exit code, or minus the
  // signal that ended it.
  int Signal(int signal);
  bool Running();

 private:
  pid_t pid_ = -1;
  int status_ = 0;
};

// Polls `condition` until it holds; false when it does not within `timeout`.
template <typename Condition>
bool WaitUntil(Condition condition, absl::Duration timeout) {
  const absl::Time until = absl::Now() + timeout;
  while (!condition()) {
    if (absl::Now() > until) return false;
    absl::SleepFor(absl::Milliseconds(20));
  }
  return true;
}

}  // namespace tarn::e2e

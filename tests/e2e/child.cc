#include "tests/e2e/child.h"

#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <absl/time/clock.h>
#include <sys/prctl.h>
#include <sys/wait.h>

namespace tarn::e2e {
namespace {

std::vector<char*> Pointers(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

// The test's own environment with `extra` over it.
std::vector<std::string> Merge(const Environment& extra) {
  std::vector<std::string> merged;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    bool overridden = false;
    for (const auto& [name, value] : extra) overridden |= text.rfind(name + "=", 0) == 0;
    if (!overridden) merged.push_back(text);
  }
  for (const auto& [name, value] : extra) merged.push_back(name + "=" + value);
  return merged;
}

[[noreturn]] void Exec(char* const* arguments, char* const* environment) {
  ::execvpe(arguments[0], arguments, environment);
  ::_exit(127);
}

int ExitCode(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status); }

}  // namespace

CommandResult RunCommand(const std::vector<std::string>& command, const Environment& environment,
                         const std::string& input, absl::Duration timeout) {
  std::vector<std::string> arguments = command;
  std::vector<std::string> merged = Merge(environment);
  const std::vector<char*> argv = Pointers(arguments);
  const std::vector<char*> envp = Pointers(merged);
  int in[2], out[2], err[2];
  if (::pipe2(in, O_CLOEXEC) != 0 || ::pipe2(out, O_CLOEXEC) != 0 || ::pipe2(err, O_CLOEXEC) != 0)
    std::abort();
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::dup2(in[0], 0);
    ::dup2(out[1], 1);
    ::dup2(err[1], 2);
    Exec(argv.data(), envp.data());
  }
  ::close(in[0]);
  ::close(out[1]);
  ::close(err[1]);
  CommandResult result;
  size_t written = 0;
  const absl::Time until = absl::Now() + timeout;
  pollfd fds[3] = {{out[0], POLLIN, 0}, {err[0], POLLIN, 0}, {in[1], POLLOUT, 0}};
  if (input.empty()) {
    ::close(in[1]);
    fds[2].fd = -1;
  }
  while (fds[0].fd >= 0 || fds[1].fd >= 0) {
    if (absl::Now() > until) {
      ::kill(pid, SIGKILL);
      result.err += "[killed after the test's time-out]";
      break;
    }
    ::poll(fds, 3, 100);
    for (int i = 0; i < 2; ++i) {
      if (fds[i].fd < 0 || fds[i].revents == 0) continue;
      char buffer[65536];
      const ssize_t got = ::read(fds[i].fd, buffer, sizeof buffer);
      if (got > 0) {
        (i == 0 ? result.out : result.err).append(buffer, static_cast<size_t>(got));
      } else if (got == 0 || errno != EINTR) {
        fds[i].fd = -1;
      }
    }
    if (fds[2].fd >= 0 && fds[2].revents != 0) {
      const ssize_t sent =
          ::write(in[1], input.data() + written, std::min<size_t>(input.size() - written, 4096));
      if (sent > 0) written += static_cast<size_t>(sent);
      if (sent < 0 || written == input.size()) {
        ::close(in[1]);
        fds[2].fd = -1;
      }
    }
  }
  ::close(out[0]);
  ::close(err[0]);
  if (fds[2].fd >= 0) ::close(in[1]);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  result.exit_code = ExitCode(status);
  return result;
}

Child::Child(const std::vector<std::string>& command, const Environment& environment,
             const std::string& log) {
  std::vector<std::string> arguments = command;
  std::vector<std::string> merged = Merge(environment);
  const std::vector<char*> argv = Pointers(arguments);
  const std::vector<char*> envp = Pointers(merged);
  const pid_t test = ::getpid();
  pid_ = ::fork();
  if (pid_ == 0) {
    const int fd = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
    ::dup2(fd, 1);
    ::dup2(fd, 2);
    // A test that is killed leaves nothing behind.
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != test) ::_exit(126);
    Exec(argv.data(), envp.data());
  }
}

Child::~Child() {
  if (Running()) Signal(SIGKILL);
}

int Child::Signal(int signal) {
  if (pid_ < 0) return ExitCode(status_);
  ::kill(pid_, signal);
  if (signal != SIGKILL && signal != SIGTERM) return 0;
  while (::waitpid(pid_, &status_, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  return ExitCode(status_);
}

bool Child::Running() {
  if (pid_ < 0) return false;
  if (::waitpid(pid_, &status_, WNOHANG) == pid_) pid_ = -1;
  return pid_ >= 0;
}

}  // namespace tarn::e2e

#include "common/postgres/child_process.h"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <grp.h>
#include <unistd.h>

#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "common/status/error.h"

namespace tarn::postgres_internal {
namespace {

namespace fs = std::filesystem;

// In the child, between fork and exec: only calls that are safe there (other threads of the parent
// may have held any lock).
bool BecomeUser(const ChildUser& user) {
  if (!user.change) return true;
  return setgroups(1, &user.gid) == 0 && setgid(user.gid) == 0 && setuid(user.uid) == 0;
}

}  // namespace

absl::StatusOr<pid_t> Spawn(const ChildSpec& spec) {
  std::vector<char*> argv;
  for (const std::string& arg : spec.argv) argv.push_back(const_cast<char*>(arg.c_str()));
  argv.push_back(nullptr);
  int log = open(spec.log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (log < 0 || null < 0) {
    std::string reason = std::strerror(errno);
    if (log >= 0) close(log);
    if (null >= 0) close(null);
    return FailedPrecondition("CLUSTER_DIRECTORY",
                              spec.log.string() + " cannot be written: " + reason);
  }
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid == 0) {
    struct sigaction default_action = {};
    default_action.sa_handler = SIG_DFL;
    for (int signal = 1; signal < NSIG; ++signal) sigaction(signal, &default_action, nullptr);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    setsid();
    dup2(null, 0);
    dup2(log, 1);
    dup2(log, 2);
    close_range(3, ~0U, 0);
    umask(077);
    if (!BecomeUser(spec.user) || chdir(spec.working_dir.c_str()) != 0) _exit(126);
    // After the change of user, which clears it.
    if (spec.death_signal != 0 && prctl(PR_SET_PDEATHSIG, spec.death_signal) != 0) _exit(126);
    if (spec.death_signal != 0 && getppid() != parent) _exit(126);  // it died before
    execv(argv[0], argv.data());
    _exit(127);
  }
  int fork_error = errno;
  close(log);
  close(null);
  if (pid < 0) {
    return Unavailable("CLUSTER_START_FAILED",
                       "no process can be started: " + std::string(std::strerror(fork_error)));
  }
  return pid;
}

int WaitFor(pid_t pid) {
  int status = -1;
  while (waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) return -1;
  }
  return status;
}

fs::path FirstClosedDirectory(const fs::path& dir, const ChildUser& user) {
  if (!user.change) return {};
  std::vector<std::string> paths;
  fs::path path;
  for (const fs::path& part : fs::absolute(dir).lexically_normal()) {
    path /= part;
    paths.push_back(path.string());
  }
  const pid_t pid = fork();
  if (pid == 0) {
    if (!BecomeUser(user)) _exit(0);
    for (size_t i = 0; i < paths.size(); ++i) {
      if (access(paths[i].c_str(), X_OK) != 0) _exit(static_cast<int>(i) + 1);
    }
    _exit(0);
  }
  int status = pid > 0 ? WaitFor(pid) : 0;
  if (!WIFEXITED(status) || WEXITSTATUS(status) == 0) return {};
  return paths[WEXITSTATUS(status) - 1];
}

std::vector<pid_t> ProcessesWorkingIn(const fs::path& dir) {
  std::vector<pid_t> pids;
  std::error_code error;
  const fs::path wanted = fs::canonical(dir, error);
  if (error) return pids;
  for (fs::directory_iterator it("/proc", error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    std::error_code gone;
    if (fs::read_symlink(it->path() / "cwd", gone) == wanted && !gone) {
      pids.push_back(static_cast<pid_t>(std::atoi(name.c_str())));
    }
  }
  return pids;
}

}  // namespace tarn::postgres_internal

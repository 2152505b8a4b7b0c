// Starting PostgreSQL's programs as another user. Internal to common/postgres.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <absl/status/statusor.h>
#include <sys/types.h>

namespace tarn::postgres_internal {

// The user a child runs as; nothing changes when `change` is false.
struct ChildUser {
  bool change = false;
  uid_t uid = 0;
  gid_t gid = 0;
  std::string name;
};

struct ChildSpec {
  std::vector<std::string> argv;  // argv[0] is a path
  ChildUser user;
  std::filesystem::path log;  // standard output and error are appended
  std::filesystem::path working_dir = "/";
  int death_signal = 0;  // sent to the child when the THREAD that spawned it ends
};

// Forks and executes, in a session of its own (a terminal's Ctrl-C is for us alone), with standard
// input from /dev/null, no other file of ours, and signals as they are by default.
absl::StatusOr<pid_t> Spawn(const ChildSpec& spec);

// Waits for the child; its status as waitpid gives it, -1 where it is gone already.
int WaitFor(pid_t pid);

// The first directory on the way to `dir` (itself included) that `user` cannot enter; empty when
// there is none.
std::filesystem::path FirstClosedDirectory(const std::filesystem::path& dir, const ChildUser& user);

// Processes that have `dir` as working directory, as a PostgreSQL server and its backends do.
std::vector<pid_t> ProcessesWorkingIn(const std::filesystem::path& dir);

}  // namespace tarn::postgres_internal

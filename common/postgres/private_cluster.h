// A PostgreSQL server of our own under a data directory: what standalone uses when it is given no
// DSN, and what tests run on.
//
//   <dir>/lock           held (flock) by the process that runs the cluster
//   <dir>/data           PostgreSQL's data directory, made by initdb when absent
//   <dir>/run            its socket, mode 0700 (in /tmp when <dir> is too long for a socket's path)
//   <dir>/postgres.log   its messages
//
// It listens on that socket alone; whoever can enter the socket's directory (the server's user and
// root) is trusted. PostgreSQL refuses to run as root: then it runs as `run_as`, who must be able
// to enter every directory above <dir>.
//
// The server is a child that dies with this process, however it ends (PR_SET_PDEATHSIG), and is
// started again should it alone be killed. After a kill -9 the next Start waits for the old server
// to go, cleans up and recovers.
//
// Start, Stop and the destructor: one thread. Dsn: any.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>
#include <sys/types.h>

namespace tarn {

struct PrivateClusterOptions {
  // Where initdb and postgres are; empty: /usr/lib/postgresql/15/bin (or a newer one), then PATH.
  std::filesystem::path bin_dir;
  std::string run_as = "postgres";  // when this process is root
  // Off for tests: nothing is flushed, and Stop does not wait for a checkpoint.
  bool durable = true;
  // Where `durable` is off: commits survive the kill of the server, though not that of the machine.
  bool survives_kill = false;
  int max_connections = 200;
  std::string shared_buffers = "128MB";
  std::string database = "tarn";  // created when absent; empty: none
  absl::Duration start_timeout = absl::Minutes(2);
};

class PrivateCluster {
 public:
  // Errors: FAILED_PRECONDITION with reason POSTGRES_NOT_INSTALLED, CLUSTER_IN_USE (another process
  // runs it), CLUSTER_DIRECTORY (the user cannot enter or write it); UNAVAILABLE with
  // CLUSTER_START_FAILED and the end of the server's log.
  static absl::StatusOr<std::unique_ptr<PrivateCluster>> Start(const std::filesystem::path& dir,
                                                               PrivateClusterOptions options = {});
  ~PrivateCluster();  // stops
  PrivateCluster(const PrivateCluster&) = delete;
  PrivateCluster& operator=(const PrivateCluster&) = delete;

  std::string Dsn() const;                           // of options.database
  std::string Dsn(std::string_view database) const;  // of another one
  pid_t pid() const;                                 // of the server now; 0 when it is down

  // Ends sessions and the server; a server that does not end within 30 s is told to be quick about
  // it, and recovers at the next start. Idempotent.
  void Stop();

  // True when a cluster in `dir` was left behind by a process that is gone: its lock is free. Then
  // waits for a server that is still going down. False also when there is no cluster in `dir`.
  static bool IsAbandoned(const std::filesystem::path& dir);

 private:
  struct State;
  explicit PrivateCluster(std::unique_ptr<State> state);

  const std::unique_ptr<State> state_;
};

}  // namespace tarn

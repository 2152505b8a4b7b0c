#include "common/postgres/private_cluster.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <mutex>
#include <pwd.h>
#include <sstream>
#include <thread>
#include <unistd.h>

#include <libpq-fe.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "common/logging/logging.h"
#include "common/postgres/child_process.h"
#include "common/postgres/postgres_pool.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"

namespace tarn {
namespace {

namespace fs = std::filesystem;
using postgres_internal::ChildSpec;
using postgres_internal::ChildUser;

constexpr char kSuperuser[] = "tarn";
constexpr char kSocketFile[] = "/.s.PGSQL.5432.lock";  // the longer of the two in the directory
constexpr absl::Duration kPoll = absl::Milliseconds(10);
constexpr absl::Duration kStopTimeout = absl::Seconds(30);
constexpr absl::Duration kQuickEnd = absl::Seconds(10);
constexpr absl::Duration kOldServerTimeout = absl::Seconds(10);
constexpr uintmax_t kMaxLogBytes = 16 << 20;

void Pause() { std::this_thread::sleep_for(absl::ToChronoNanoseconds(kPoll)); }

absl::Status DirectoryError(const std::string& message) {
  return FailedPrecondition("CLUSTER_DIRECTORY", message);
}

absl::StatusOr<fs::path> FindBinDir(const fs::path& wanted) {
  std::vector<fs::path> candidates;
  if (!wanted.empty()) {
    candidates.push_back(wanted);
  } else {
    for (int version = 15; version <= 18; ++version) {
      candidates.push_back("/usr/lib/postgresql/" + std::to_string(version) + "/bin");
    }
    std::istringstream path(std::getenv("PATH") != nullptr ? std::getenv("PATH") : "");
    for (std::string dir; std::getline(path, dir, ':');) candidates.emplace_back(dir);
  }
  for (const fs::path& dir : candidates) {
    if (access((dir / "postgres").c_str(), X_OK) == 0 &&
        access((dir / "initdb").c_str(), X_OK) == 0) {
      return dir;
    }
  }
  return FailedPrecondition(
      "POSTGRES_NOT_INSTALLED",
      (wanted.empty() ? std::string("PostgreSQL's server programs are not installed")
                      : "no postgres and initdb in " + wanted.string()) +
          ": apt-get install postgresql-15, or give the DSN of a server that runs elsewhere");
}

absl::StatusOr<ChildUser> FindUser(const std::string& name) {
  if (geteuid() != 0) return ChildUser{};
  passwd entry = {};
  passwd* found = nullptr;
  char buffer[4096];
  getpwnam_r(name.c_str(), &entry, buffer, sizeof buffer, &found);
  if (found == nullptr) {
    return FailedPrecondition("POSTGRES_NOT_INSTALLED",
                              "there is no user " + name +
                                  ", as whom PostgreSQL runs when Tarn is started by root: install "
                                  "postgresql-15, or start Tarn as another user");
  }
  return ChildUser{true, entry.pw_uid, entry.pw_gid, name};
}

absl::Status Own(const fs::path& path, const ChildUser& user) {
  if (user.change && chown(path.c_str(), user.uid, user.gid) != 0) {
    return DirectoryError(path.string() + " cannot be given to user " + user.name + ": " +
                          std::strerror(errno));
  }
  return absl::OkStatus();
}

absl::Status MakeDirectory(const fs::path& path, mode_t mode, const ChildUser& owner) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error || chmod(path.c_str(), mode) != 0) {
    return DirectoryError(path.string() +
                          " cannot be made: " + (error ? error.message() : std::strerror(errno)));
  }
  return Own(path, owner);
}

std::string Tail(const fs::path& log, size_t bytes = 1500) {
  std::ifstream in(log, std::ios::binary | std::ios::ate);
  if (!in) return "";
  auto size = static_cast<size_t>(in.tellg());
  in.seekg(static_cast<std::streamoff>(size - std::min(size, bytes)));
  std::string text(std::min(size, bytes), '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  return text;
}

// Waits until no server works in `data` any more; tells one that stays to go.
bool WaitForOldServer(const fs::path& data, absl::Duration timeout) {
  const absl::Time begin = absl::Now();
  bool told = false;
  for (;;) {
    std::vector<pid_t> pids = postgres_internal::ProcessesWorkingIn(data);
    if (pids.empty()) return true;
    absl::Duration waited = absl::Now() - begin;
    if (waited > timeout) return false;
    if (!told && waited > absl::Seconds(2)) {  // its parent's death was not enough
      for (pid_t pid : pids) kill(pid, SIGQUIT);
      told = true;
    }
    Pause();
  }
}

// A socket's path is limited to 107 bytes. The directory in /tmp gets its name by mkdtemp.
absl::StatusOr<fs::path> MakeSocketDirectory(const fs::path& dir, const ChildUser& user) {
  fs::path run = dir / "run";
  if (run.string().size() + std::strlen(kSocketFile) >= sizeof(sockaddr_un::sun_path)) {
    char name[] = "/tmp/tarn-pg-XXXXXX";
    if (mkdtemp(name) == nullptr) {
      return DirectoryError(std::string("no directory can be made in /tmp: ") +
                            std::strerror(errno));
    }
    run = name;
  }
  TARN_RETURN_IF_ERROR(MakeDirectory(run, 0700, user));
  return run;
}

absl::Status InitDb(const fs::path& bin, const fs::path& dir, const ChildUser& user, bool durable) {
  // Made aside and renamed, so that a kill leaves no half cluster.
  const fs::path fresh = dir / "data.new";
  std::error_code error;
  fs::remove_all(fresh, error);
  TARN_RETURN_IF_ERROR(MakeDirectory(fresh, 0700, user));
  ChildSpec spec;
  spec.argv = {(bin / "initdb").string(), "-D", fresh.string(), "-E", "UTF8",
               "--locale=C.UTF-8",        "-U", kSuperuser,     "-A", "trust",
               "--no-instructions"};
  if (!durable) spec.argv.push_back("--no-sync");
  spec.user = user;
  spec.log = dir / "postgres.log";
  spec.death_signal = SIGKILL;
  TARN_ASSIGN_OR_RETURN(pid_t pid, postgres_internal::Spawn(spec));
  if (postgres_internal::WaitFor(pid) != 0) {
    return Unavailable("CLUSTER_START_FAILED",
                       "initdb in " + dir.string() + " failed: " + Tail(spec.log));
  }
  // Only the socket is listened on; let the access rules say the same.
  std::ofstream hba(fresh / "pg_hba.conf", std::ios::trunc);
  hba << "# Only the socket, whose directory is closed to others.\nlocal all all trust\n";
  hba.close();
  fs::rename(fresh, dir / "data", error);
  if (!hba || error) return DirectoryError((dir / "data").string() + " cannot be written");
  if (durable) {
    int fd = open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
      fsync(fd);
      close(fd);
    }
  }
  return absl::OkStatus();
}

std::vector<std::string> ServerArgv(const fs::path& bin, const fs::path& dir,
                                    const fs::path& socket_dir,
                                    const PrivateClusterOptions& options) {
  std::vector<std::string> argv = {(bin / "postgres").string(), "-D", (dir / "data").string()};
  auto set = [&argv](const std::string& setting) {
    argv.push_back("-c");
    argv.push_back(setting);
  };
  set("listen_addresses=");
  set("port=5432");
  set("unix_socket_directories=" + socket_dir.string());
  set("unix_socket_permissions=0700");
  set("max_connections=" + std::to_string(options.max_connections));
  set("shared_buffers=" + options.shared_buffers);
  set("logging_collector=off");
  set("log_destination=stderr");
  set("log_min_messages=warning");
  set("log_min_error_statement=panic");  // statements hold users' data
  set("jit=off");
  if (!options.durable) {
    set("fsync=off");
    if (!options.survives_kill) {
      set("synchronous_commit=off");
      set("full_page_writes=off");
    }
    set("wal_level=minimal");
    set("max_wal_senders=0");
    set("autovacuum=off");  // it would stand in the way of cloning a template
  }
  return argv;
}

}  // namespace

struct PrivateCluster::State {
  // The thread that forks the server must live as long as it: its end would be the server's
  // (PR_SET_PDEATHSIG counts threads). It starts the server again when it was killed.
  void Supervise() {
    while (!stopping) {
      absl::StatusOr<pid_t> pid = postgres_internal::Spawn(server);
      {
        std::lock_guard lock(mutex);
        if (pid.ok()) {
          server_pid = *pid;
          // Stop may have missed it.
          if (stopping) kill(*pid, durable ? SIGINT : SIGQUIT);
        }
      }
      const absl::Time started = absl::Now();
      const int status = pid.ok() ? postgres_internal::WaitFor(*pid) : -1;
      {
        std::unique_lock lock(mutex);
        server_pid = 0;
        if (!ready || stopping) break;
        logging::Warn(
            "postgres", "the private PostgreSQL has ended; it is started again",
            {{"signal", WIFSIGNALED(status) ? WTERMSIG(status) : 0}, {"log", server.log.string()}});
        // One that ends again and again must not keep the processor busy.
        if (absl::Now() - started < kQuickEnd) {
          changed.wait_for(lock, std::chrono::seconds(1), [this] { return stopping.load(); });
        }
      }
      // A killed server leaves sessions, and while one lives a new server refuses to start.
      WaitForOldServer(dir / "data", kOldServerTimeout);
      std::error_code ignored;
      fs::remove(dir / "data" / "postmaster.pid", ignored);
    }
    std::lock_guard lock(mutex);
    ended = true;
    changed.notify_all();
  }

  // Until the server answers; what it wrote when it ends instead.
  absl::Status WaitUntilReady(const std::string& dsn, absl::Duration timeout) {
    const absl::Time deadline = absl::Now() + timeout;
    while (PQping(dsn.c_str()) != PQPING_OK) {
      std::unique_lock lock(mutex);
      changed.wait_for(lock, absl::ToChronoNanoseconds(kPoll), [this] { return ended; });
      if (ended || absl::Now() > deadline) {
        return Unavailable("CLUSTER_START_FAILED",
                           "the private PostgreSQL in " + dir.string() +
                               (ended ? " did not start: " : " did not get ready in time: ") +
                               Tail(server.log));
      }
    }
    std::lock_guard lock(mutex);
    ready = true;
    return absl::OkStatus();
  }

  void Stop() {
    {
      std::unique_lock lock(mutex);
      stopping = true;
      changed.notify_all();
      if (server_pid != 0) kill(server_pid, durable ? SIGINT : SIGQUIT);
      if (!changed.wait_for(lock, absl::ToChronoNanoseconds(kStopTimeout),
                            [this] { return ended || !supervisor.joinable(); }) &&
          server_pid != 0) {
        kill(server_pid, SIGQUIT);
      }
    }
    if (supervisor.joinable()) supervisor.join();
    std::error_code ignored;
    if (!socket_dir.empty() && socket_dir.parent_path() != dir) {
      fs::remove_all(socket_dir, ignored);
    }
    if (lock_fd >= 0) close(lock_fd);
    lock_fd = -1;
  }

  ~State() { Stop(); }

  fs::path dir;
  fs::path socket_dir;
  std::string database;
  bool durable = true;
  ChildSpec server;
  int lock_fd = -1;

  std::mutex mutex;
  std::condition_variable changed;
  std::atomic<bool> stopping = false;
  bool ready = false;
  bool ended = false;
  pid_t server_pid = 0;
  std::thread supervisor;
};

PrivateCluster::PrivateCluster(std::unique_ptr<State> state) : state_(std::move(state)) {}

PrivateCluster::~PrivateCluster() { Stop(); }

absl::StatusOr<std::unique_ptr<PrivateCluster>> PrivateCluster::Start(
    const fs::path& given_dir, PrivateClusterOptions options) {
  auto state = std::make_unique<State>();
  state->dir = fs::absolute(given_dir).lexically_normal();
  if (!state->dir.has_filename()) state->dir = state->dir.parent_path();
  const fs::path& dir = state->dir;
  state->durable = options.durable;
  state->database = options.database;
  TARN_ASSIGN_OR_RETURN(fs::path bin, FindBinDir(options.bin_dir));
  TARN_ASSIGN_OR_RETURN(ChildUser user, FindUser(options.run_as));

  std::error_code error;
  if (!fs::exists(dir, error)) {
    TARN_RETURN_IF_ERROR(MakeDirectory(dir, user.change ? 0711 : 0700, ChildUser{}));
  }
  if (fs::path closed = postgres_internal::FirstClosedDirectory(dir, user); !closed.empty()) {
    return DirectoryError("user " + user.name + ", as whom PostgreSQL runs, cannot enter " +
                          closed.string() +
                          ": choose a data directory elsewhere (such as "
                          "/var/lib/tarn), or allow it with chmod o+x " +
                          closed.string());
  }

  state->lock_fd = open((dir / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (state->lock_fd < 0) {
    return DirectoryError(dir.string() + " cannot be written: " + std::strerror(errno));
  }
  if (flock(state->lock_fd, LOCK_EX | LOCK_NB) != 0) {
    return FailedPrecondition("CLUSTER_IN_USE", "the data directory " + dir.string() +
                                                    " is in use by another process of Tarn: stop "
                                                    "it, or choose another directory");
  }

  const fs::path log = dir / "postgres.log";
  if (auto size = fs::file_size(log, error); !error && size > kMaxLogBytes) {
    fs::rename(log, dir / "postgres.log.1", error);
  }
  if (!fs::exists(dir / "data" / "PG_VERSION", error)) {
    TARN_RETURN_IF_ERROR(InitDb(bin, dir, user, options.durable));
  }
  if (!WaitForOldServer(dir / "data", options.start_timeout)) {
    return FailedPrecondition("CLUSTER_IN_USE", "the PostgreSQL that ran in " + dir.string() +
                                                    " before does not end; end it first");
  }
  // Nobody works there, so whatever process has the stale file's number now is another one; the
  // server would take it for a predecessor and refuse.
  fs::remove(dir / "data" / "postmaster.pid", error);

  TARN_ASSIGN_OR_RETURN(state->socket_dir, MakeSocketDirectory(dir, user));
  state->server.argv = ServerArgv(bin, dir, state->socket_dir, options);
  state->server.user = user;
  state->server.log = log;
  state->server.death_signal = SIGQUIT;
  state->supervisor = std::thread([raw = state.get()] { raw->Supervise(); });

  std::unique_ptr<PrivateCluster> cluster(new PrivateCluster(std::move(state)));
  TARN_RETURN_IF_ERROR(
      cluster->state_->WaitUntilReady(cluster->Dsn("postgres"), options.start_timeout));
  if (!options.database.empty()) {
    PostgresPool pool({.dsn = cluster->Dsn("postgres"), .max_connections = 1});
    TARN_RETURN_IF_ERROR(pool.RunAutocommit([&](Transaction& txn) -> absl::Status {
      if (txn.Exec("SELECT 1 FROM pg_database WHERE datname = $1", options.database).empty()) {
        txn.Exec("CREATE DATABASE \"" + options.database + "\"");
      }
      return absl::OkStatus();
    }));
  }
  return cluster;
}

std::string PrivateCluster::Dsn() const { return Dsn(state_->database); }

std::string PrivateCluster::Dsn(std::string_view database) const {
  return "host='" + state_->socket_dir.string() + "' port=5432 user=" + kSuperuser +
         " dbname=" + std::string(database);
}

pid_t PrivateCluster::pid() const {
  std::lock_guard lock(state_->mutex);
  return state_->server_pid;
}

void PrivateCluster::Stop() { state_->Stop(); }

bool PrivateCluster::IsAbandoned(const fs::path& dir) {
  int fd = open((dir / "lock").c_str(), O_RDWR | O_CLOEXEC);
  if (fd < 0) return false;
  bool free = flock(fd, LOCK_EX | LOCK_NB) == 0;
  free = free && WaitForOldServer(dir / "data", absl::Seconds(10));
  close(fd);
  return free;
}

}  // namespace tarn

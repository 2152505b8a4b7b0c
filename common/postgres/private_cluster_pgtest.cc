#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>
#include <unistd.h>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "common/postgres/postgres_pool.h"
#include "common/postgres/private_cluster.h"
#include "common/status/error.h"

namespace tarn {
namespace {

namespace fs = std::filesystem;

const PrivateClusterOptions kOptions{.durable = false, .shared_buffers = "16MB"};

class PrivateClusterPgTest : public ::testing::Test {
 protected:
  PrivateClusterPgTest() {
    char name[] = "/tmp/tarn-cluster-test-XXXXXX";
    dir_ = mkdtemp(name);
    chmod(dir_.c_str(), 0711);
  }
  ~PrivateClusterPgTest() override { fs::remove_all(dir_); }

  static absl::Status Exec(const std::string& dsn, const std::string& sql) {
    PostgresPool pool({.dsn = dsn, .max_connections = 1});
    return pool.Run([&](Transaction& txn) -> absl::Status {
      txn.ExecScript(sql);
      return absl::OkStatus();
    });
  }

  fs::path dir_;
};

TEST_F(PrivateClusterPgTest, KeepsItsDataOverARestart) {
  {
    auto cluster = PrivateCluster::Start(dir_ / "pg", {.shared_buffers = "16MB"});
    ASSERT_TRUE(cluster.ok()) << cluster.status();
    EXPECT_TRUE(Exec((*cluster)->Dsn(), "CREATE TABLE t AS SELECT 1 AS x").ok());
    struct stat info;
    ASSERT_EQ(stat((dir_ / "pg" / "run").c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0700u);
    EXPECT_FALSE(PrivateCluster::IsAbandoned(dir_ / "pg"));
  }
  auto cluster = PrivateCluster::Start(dir_ / "pg", kOptions);
  ASSERT_TRUE(cluster.ok()) << cluster.status();
  absl::Status status = Exec((*cluster)->Dsn(), "SELECT * FROM t");
  EXPECT_TRUE(status.ok()) << status;
}

TEST_F(PrivateClusterPgTest, ASecondOwnerIsRefused) {
  auto first = PrivateCluster::Start(dir_ / "pg", kOptions);
  ASSERT_TRUE(first.ok()) << first.status();
  auto second = PrivateCluster::Start(dir_ / "pg", kOptions);
  EXPECT_EQ(ErrorReason(second.status()), "CLUSTER_IN_USE");
}

TEST_F(PrivateClusterPgTest, StartsAfterItsProcessWasKilled) {
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  pid_t child = fork();
  if (child == 0) {  // a process that runs the cluster and is killed
    auto cluster = PrivateCluster::Start(dir_ / "pg", {.shared_buffers = "16MB"});
    bool ok = cluster.ok() && Exec((*cluster)->Dsn(), "CREATE TABLE t AS SELECT 1 AS x").ok();
    char answer = ok ? 'y' : 'n';
    if (write(ready[1], &answer, 1) != 1) _exit(1);
    for (;;) pause();
  }
  char answer = 'n';
  ASSERT_EQ(read(ready[0], &answer, 1), 1);
  close(ready[0]);
  close(ready[1]);
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  ASSERT_EQ(answer, 'y');
  auto cluster = PrivateCluster::Start(dir_ / "pg", {.shared_buffers = "16MB"});
  ASSERT_TRUE(cluster.ok()) << cluster.status();
  EXPECT_TRUE(Exec((*cluster)->Dsn(), "SELECT * FROM t").ok());
}

TEST_F(PrivateClusterPgTest, AStalePidFileWithALiveNumberDoesNotStopIt) {
  { ASSERT_TRUE(PrivateCluster::Start(dir_ / "pg", kOptions).ok()); }
  std::ofstream(dir_ / "pg" / "data" / "postmaster.pid")
      << getpid() << "\n"
      << (dir_ / "pg" / "data").string() << "\n1\n5432\n\n\n";
  auto cluster = PrivateCluster::Start(dir_ / "pg", kOptions);
  EXPECT_TRUE(cluster.ok()) << cluster.status();
}

TEST_F(PrivateClusterPgTest, AKilledServerIsStartedAgain) {
  auto cluster = PrivateCluster::Start(dir_ / "pg", kOptions);
  ASSERT_TRUE(cluster.ok()) << cluster.status();
  PostgresPool pool({.dsn = (*cluster)->Dsn()});
  ASSERT_TRUE(pool.CheckHealth().ok());
  kill((*cluster)->pid(), SIGQUIT);
  absl::Time deadline = absl::Now() + absl::Seconds(60);
  absl::Status status = absl::UnknownError("not tried");
  bool was_down = false;
  while (absl::Now() < deadline && !(was_down && status.ok())) {
    status = pool.CheckHealth();
    was_down = was_down || !status.ok();
  }
  EXPECT_TRUE(status.ok()) << status;
}

TEST_F(PrivateClusterPgTest,
       AServerKilledInTheMiddleOfAStatementIsStartedAgainWithWhatWasCommitted) {
  auto cluster = PrivateCluster::Start(
      dir_ / "pg", {.durable = false, .survives_kill = true, .shared_buffers = "16MB"});
  ASSERT_TRUE(cluster.ok()) << cluster.status();
  ASSERT_TRUE(Exec((*cluster)->Dsn(), "CREATE TABLE t AS SELECT 1 AS x").ok());
  PostgresPool pool({.dsn = (*cluster)->Dsn()});
  // Runs on when its server is gone, and would hold up the next one.
  std::thread statement([&] {
    absl::Status ended = pool.Run([](Transaction& txn) -> absl::Status {
      txn.Exec("SELECT sum(g) FROM generate_series(1, 1000000000) AS g");
      return absl::OkStatus();
    });
    EXPECT_FALSE(ended.ok());
  });
  PostgresPool watch({.dsn = (*cluster)->Dsn()});
  const absl::Time deadline = absl::Now() + absl::Seconds(60);
  bool runs = false;
  while (!runs && absl::Now() < deadline) {
    EXPECT_TRUE(watch
                    .Run([&](Transaction& txn) -> absl::Status {
                      runs = !txn.Exec(
                                     "SELECT 1 FROM pg_stat_activity WHERE state = 'active' AND "
                                     "query LIKE 'SELECT sum(g)%'")
                                  .empty();
                      return absl::OkStatus();
                    })
                    .ok());
  }
  EXPECT_TRUE(runs);
  const pid_t killed = (*cluster)->pid();
  kill(killed, SIGKILL);
  absl::Status status = absl::UnknownError("not tried");
  while (absl::Now() < deadline && ((*cluster)->pid() == killed || !status.ok())) {
    status = Exec((*cluster)->Dsn(), "SELECT * FROM t");
  }
  EXPECT_TRUE(status.ok()) << status;
  statement.join();
}

TEST_F(PrivateClusterPgTest, ALongPathGetsItsSocketElsewhere) {
  auto cluster = PrivateCluster::Start(dir_ / std::string(120, 'x'), kOptions);
  ASSERT_TRUE(cluster.ok()) << cluster.status();
  EXPECT_TRUE(Exec((*cluster)->Dsn(), "SELECT 1").ok());
}

TEST_F(PrivateClusterPgTest, ADirectoryThatTheServersUserCannotEnterIsNamed) {
  if (geteuid() != 0) GTEST_SKIP() << "only root runs the server as another user";
  fs::create_directory(dir_ / "closed");
  chmod((dir_ / "closed").c_str(), 0700);
  auto cluster = PrivateCluster::Start(dir_ / "closed" / "pg", kOptions);
  EXPECT_EQ(ErrorReason(cluster.status()), "CLUSTER_DIRECTORY");
  EXPECT_NE(cluster.status().message().find((dir_ / "closed").string()), absl::string_view::npos);
}

TEST_F(PrivateClusterPgTest, MissingProgramsAreToldWithTheRemedy) {
  PrivateClusterOptions options = kOptions;
  options.bin_dir = dir_;
  auto cluster = PrivateCluster::Start(dir_ / "pg", options);
  EXPECT_EQ(ErrorReason(cluster.status()), "POSTGRES_NOT_INSTALLED");
}

}  // namespace
}  // namespace tarn

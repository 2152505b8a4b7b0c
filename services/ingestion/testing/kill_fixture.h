// Runs programs with the module in them, which are killed at failpoints, against the test's catalog
// and PostgreSQL.
#pragma once

#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <spawn.h>
#include <string>
#include <unistd.h>
#include <vector>

#include <absl/strings/str_cat.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include "common/testing/test_data.h"
#include "services/ingestion/testing/ingestion_fixture.h"

namespace tarn::ingestion {

class KillTest : public IngestionPgTest {
 protected:
  // Runs the child (kill_child.cc) with failpoints; true when it ended by itself.
  bool RunChild(const std::string& failpoints, const std::string& feed = "one") {
    const pid_t child = StartChild("ingestion_kill_child", failpoints, {"TEST_FEED=" + feed});
    int status = 0;
    EXPECT_EQ(waitpid(child, &status, 0), child);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
  }
  // Starts a program that stands beside this one, with failpoints.
  pid_t StartChild(const std::string& name, const std::string& failpoints,
                   std::vector<std::string> environment = {}) {
    environment.push_back("TEST_CATALOG=" + catalog_server_->address());
    environment.push_back("TEST_DIR=" + dir_.path().string());
    environment.push_back("TEST_DSN=" + database_.dsn());
    environment.push_back("TARN_FAILPOINTS=" + failpoints);
    for (char** variable = environ; *variable != nullptr; ++variable) {
      if (!std::string_view(*variable).starts_with("TARN_FAILPOINTS=")) {
        environment.push_back(*variable);
      }
    }
    std::string program = fs::read_symlink("/proc/self/exe").parent_path() / name;
    std::vector<char*> argv = {program.data(), nullptr}, envp;
    for (std::string& variable : environment) envp.push_back(variable.data());
    envp.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, (dir_ / "child.log").c_str(),
                                     O_WRONLY | O_CREAT | O_APPEND, 0600);
    posix_spawn_file_actions_adddup2(&actions, 1, 2);
    pid_t child = 0;
    EXPECT_EQ(posix_spawn(&child, program.c_str(), &actions, nullptr, argv.data(), envp.data()), 0);
    posix_spawn_file_actions_destroy(&actions);
    return child;
  }
  // Kills a child at each point, at its first passage and after `later` of them, and lets the last
  // one come to its end.
  void KillAtEach(const std::string& feed, const std::vector<std::string>& points, int later = 2) {
    for (const std::string& point : points) {
      for (const int after : {0, later}) {
        const bool ended = RunChild(absl::StrCat(point, "=abort+", after), feed);
        // The newest segment is never removed: that point is reached by restarts only.
        if (point != "ingestion.wal.before_segment_removal") {
          EXPECT_FALSE(ended) << point << " was not reached";
        }
      }
    }
    ASSERT_TRUE(RunChild("", feed)) << ReadFile(dir_ / "child.log");
  }
  // How many batches the children had acknowledged.
  int AcknowledgedBatches() const {
    std::ifstream in(dir_ / "acknowledged");
    int count = 0;
    for (int batch = 0; in >> batch;) count = batch + 1;
    return count;
  }
};

}  // namespace tarn::ingestion

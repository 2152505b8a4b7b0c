// Runs ingestion_kill_child, which feeds the module and is killed at failpoints, against the test's
// catalog and PostgreSQL.
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
    std::vector<std::string> environment = {
        "TEST_CATALOG=" + catalog_server_->address(), "TEST_DIR=" + dir_.path().string(),
        "TEST_DSN=" + database_.dsn(), "TEST_FEED=" + feed, "TARN_FAILPOINTS=" + failpoints};
    for (char** variable = environ; *variable != nullptr; ++variable) {
      if (std::string_view(*variable).rfind("TARN_FAILPOINTS=", 0) != 0) {
        environment.push_back(*variable);
      }
    }
    const std::string program =
        fs::read_symlink("/proc/self/exe").parent_path() / "ingestion_kill_child";
    std::vector<std::string> arguments = {program};
    std::vector<char*> argv, envp;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    for (std::string& variable : environment) envp.push_back(variable.data());
    argv.push_back(nullptr);
    envp.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, (dir_ / "child.log").c_str(),
                                     O_WRONLY | O_CREAT | O_APPEND, 0600);
    posix_spawn_file_actions_adddup2(&actions, 1, 2);
    pid_t child = 0;
    EXPECT_EQ(posix_spawn(&child, program.c_str(), &actions, nullptr, argv.data(), envp.data()), 0);
    posix_spawn_file_actions_destroy(&actions);
    int status = 0;
    EXPECT_EQ(waitpid(child, &status, 0), child);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
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

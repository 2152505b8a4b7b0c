#include "common/server/process.h"

#include <filesystem>
#include <signal.h>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "common/server/grpc_server.h"
#include "common/status/error.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "common/testing/test_data.h"

namespace tarn::server {
namespace {

using ::testing::HasSubstr;

// Runs `on_poll` when it is first asked whether it is ready, which is after its start.
class TestModule : public Module {
 public:
  TestModule(std::function<void()> on_poll, absl::Status start)
      : on_poll_(std::move(on_poll)), start_(std::move(start)) {}

  std::string_view name() const override { return "catalog"; }
  void RegisterServices(grpc::ServerBuilder&) override {}
  absl::Status Start() override { return start_; }
  absl::Status Ready() override {
    if (on_poll_) std::exchange(on_poll_, nullptr)();
    return absl::OkStatus();
  }

 private:
  std::function<void()> on_poll_;
  const absl::Status start_;
};

class ProcessTest : public ::testing::Test {
 protected:
  // Runs a program of one module that gets SIGTERM once it has started.
  int Run(const std::vector<std::string>& flags, bool with_defaults = true) {
    std::vector<std::string> all = {"tarn-catalog"};
    if (with_defaults) {
      all.push_back("--common.postgres_dsn=postgresql://nowhere/none");
      all.push_back("--common.lake_path=" + (folder_ / "lake").string());
      all.push_back("--common.state_path=" + (folder_ / "state").string());
      all.push_back("--common.ready_file=" + ready_file_);
    }
    all.insert(all.end(), flags.begin(), flags.end());
    std::vector<const char*> argv;
    for (const std::string& argument : all) argv.push_back(argument.c_str());
    ModuleSpec spec;
    spec.name = "catalog";
    spec.default_listen = "127.0.0.1:0";
    spec.create = [this](const ModuleContext& context) -> absl::StatusOr<std::unique_ptr<Module>> {
      dsn_ = context.postgres_dsn;
      return std::make_unique<TestModule>([] { raise(SIGTERM); }, start_);
    };
    ::testing::internal::CaptureStderr();
    int exit_code = RunModuleProcess(static_cast<int>(argv.size()), argv.data(), std::move(spec));
    errors_ = ::testing::internal::GetCapturedStderr();
    return exit_code;
  }

  TempDir folder_;
  std::string ready_file_ = folder_ / "ready.json";
  absl::Status start_;
  std::string dsn_;
  std::string errors_;
};

TEST_F(ProcessTest, StopsInGoodOrderOnSigterm) {
  EXPECT_EQ(Run({}), 0);
  EXPECT_EQ(dsn_, "postgresql://nowhere/none");
  EXPECT_THAT(errors_, HasSubstr("\"message\":\"ready\""));
  EXPECT_THAT(errors_, HasSubstr("catalog=127.0.0.1:"));
  EXPECT_THAT(errors_, HasSubstr("\"message\":\"stopped\""));
  EXPECT_FALSE(std::filesystem::exists(ready_file_));
  EXPECT_TRUE(std::filesystem::is_directory(folder_ / "lake"));
}

TEST_F(ProcessTest, WhatItWritesIsForItsUserAlone) {
  ASSERT_EQ(Run({}), 0);
  for (const char* folder : {"lake", "state"}) {
    EXPECT_EQ(std::filesystem::status(folder_ / folder).permissions(),
              std::filesystem::perms::owner_all);
  }
}

TEST_F(ProcessTest, BadOptionsAreToldAllAtOnce) {
  EXPECT_EQ(Run({"--common.shutdown_grace=soon", "--no.such.option=1"}), 2);
  EXPECT_THAT(errors_, HasSubstr("common.shutdown_grace"));
  EXPECT_THAT(errors_, HasSubstr("no.such.option"));
}

TEST_F(ProcessTest, AMissingDatabaseIsABadOption) {
  EXPECT_EQ(Run({"--common.lake_path=" + (folder_ / "lake").string(),
                 "--common.state_path=" + (folder_ / "state").string()},
                /*with_defaults=*/false),
            2);
  EXPECT_THAT(errors_, HasSubstr("common.postgres_dsn must be set"));
}

TEST_F(ProcessTest, AFolderThatCannotBeMadeIsTold) {
  std::string file = folder_.WriteFile("file", "");
  EXPECT_EQ(Run({"--common.lake_path=" + file + "/lake"}), 2);
  EXPECT_THAT(errors_, HasSubstr("common.lake_path"));
}

TEST_F(ProcessTest, AModuleThatCannotStartEndsTheProcessWithItsMessage) {
  start_ = Unavailable("DATABASE_UNREACHABLE", "PostgreSQL cannot be reached; start it");
  EXPECT_EQ(Run({}), 1);
  EXPECT_THAT(errors_, HasSubstr("tarn-catalog: catalog: PostgreSQL cannot be reached; start it"));
}

TEST_F(ProcessTest, APortInUseEndsTheProcessWithItsMessage) {
  auto taken = GrpcServer::Start({.module = "x", .listen = "127.0.0.1:0", .listen_option = "x"},
                                 [](grpc::ServerBuilder&) {});
  ASSERT_OK(taken);
  EXPECT_EQ(Run({"--catalog.listen=" + (*taken)->address()}), 1);
  EXPECT_THAT(errors_, HasSubstr("is in use by another process"));
}

TEST_F(ProcessTest, MetricsAreServedToThisMachineAlone) {
  EXPECT_EQ(Run({"--common.metrics_listen=127.0.0.1:0"}), 0);
  EXPECT_THAT(errors_, HasSubstr("metrics=127.0.0.1:"));
  EXPECT_EQ(Run({"--common.metrics_listen=0.0.0.0:0"}), 1);
  EXPECT_THAT(errors_, HasSubstr("--allow-insecure-listen"));
}

TEST_F(ProcessTest, HelpShowsTheOptionsAndStartsNothing) {
  ::testing::internal::CaptureStdout();
  EXPECT_EQ(Run({"--help"}, false), 0);
  std::string help = ::testing::internal::GetCapturedStdout();
  EXPECT_THAT(help, HasSubstr("catalog.listen"));
  EXPECT_THAT(help, HasSubstr("allow-insecure-listen"));
  EXPECT_EQ(dsn_, "");
}

}  // namespace
}  // namespace tarn::server

// Runs commands of `tarn` in this process against a fake server, without a terminal.
#pragma once

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "common/testing/temp_dir.h"
#include "services/cli/testing/fake_tarn.h"

namespace tarn::cli {

struct CommandResult {
  int code = -1;
  std::string out;
  std::string err;
};

class CommandTest : public ::testing::Test {
 protected:
  CommandTest();

  CommandResult Run(std::vector<std::string> arguments, const std::string& input = "");
  // Without address and key.
  static CommandResult RunBare(const std::vector<std::string>& arguments,
                               const std::string& input = "");

  TempDir dir_;
  FakeTarn tarn_;
  std::string key_file_;
};

}  // namespace tarn::cli

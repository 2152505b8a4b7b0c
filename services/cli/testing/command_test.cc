#include "services/cli/testing/command_test.h"

#include <cstdlib>
#include <sstream>

#include "services/cli/cli.h"

namespace tarn::cli {

CommandTest::CommandTest() {
  for (const char* name :
       {"TARN_ADDRESS", "TARN_KEY_FILE", "TARN_KEY", "TARN_TLS", "TARN_CA_FILE"}) {
    unsetenv(name);
  }
  key_file_ = dir_.WriteFile("key", std::string(FakeTarn::kKey) + "\n").string();
}

CommandResult CommandTest::Run(std::vector<std::string> arguments, const std::string& input) {
  arguments.insert(arguments.end(), {"--address", tarn_.address(), "--key-file", key_file_});
  return RunBare(arguments, input);
}

CommandResult CommandTest::RunBare(const std::vector<std::string>& arguments,
                                   const std::string& input) {
  std::istringstream in(input);
  std::ostringstream out;
  std::ostringstream err;
  Terminal terminal{.in = in, .out = out, .err = err};
  CommandResult result;
  result.code = RunCli(arguments, terminal);
  result.out = out.str();
  result.err = err.str();
  return result;
}

}  // namespace tarn::cli

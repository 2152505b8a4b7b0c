// tarn: the command line client.
#include <string>
#include <vector>

#include "services/cli/cli.h"

int main(int argc, char** argv) {
  tarn::cli::Terminal terminal = tarn::cli::ProcessTerminal();
  return tarn::cli::RunCli(std::vector<std::string>(argv + 1, argv + argc), terminal);
}

// The program `tarn`: reads its command line, does what it says, tells errors.
#pragma once

#include <string>
#include <vector>

#include "services/cli/terminal.h"

namespace tarn::cli {

inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed = 1;
inline constexpr int kExitUsage = 2;

// `arguments` without the program's name. Never throws. TARN_ADDRESS, TARN_KEY_FILE, TARN_KEY,
// TARN_TLS and TARN_CA_FILE stand in for options that are not given.
int RunCli(const std::vector<std::string>& arguments, Terminal& terminal);

}  // namespace tarn::cli

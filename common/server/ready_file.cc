#include "common/server/ready_file.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "common/status/error.h"

namespace tarn::server {

absl::Status WriteReadyFile(const std::string& path,
                            const std::map<std::string, std::string>& addresses) {
  if (path.empty()) return absl::OkStatus();
  nlohmann::json content = {{"pid", getpid()}, {"addresses", addresses}};
  // Named by the process: two that start at once do not write into each other's.
  std::string temporary = path + "." + std::to_string(getpid()) + ".tmp";
  std::ofstream file(temporary);
  file << content.dump() << "\n";
  file.close();
  if (!file || std::rename(temporary.c_str(), path.c_str()) != 0) {
    const int error = errno;
    unlink(temporary.c_str());
    return FailedPrecondition("READY_FILE_FAILED", "common.ready_file: " + path +
                                                       " cannot be written: " + strerror(error) +
                                                       "; check that its folder exists");
  }
  return absl::OkStatus();
}

void RemoveReadyFile(const std::string& path) {
  if (path.empty()) return;
  std::ifstream file(path);
  const nlohmann::json content = nlohmann::json::parse(file, nullptr, /*allow_exceptions=*/false);
  if (content.is_object() && content.value("pid", nlohmann::json()) == getpid()) {
    unlink(path.c_str());
  }
}

}  // namespace tarn::server

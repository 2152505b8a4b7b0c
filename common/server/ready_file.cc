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
  std::string temporary = path + ".tmp";
  std::ofstream file(temporary);
  file << content.dump() << "\n";
  file.close();
  if (!file || std::rename(temporary.c_str(), path.c_str()) != 0) {
    return FailedPrecondition("READY_FILE_FAILED", "common.ready_file: " + path +
                                                       " cannot be written: " + strerror(errno) +
                                                       "; check that its folder exists");
  }
  return absl::OkStatus();
}

void RemoveReadyFile(const std::string& path) {
  if (!path.empty()) unlink(path.c_str());
}

}  // namespace tarn::server

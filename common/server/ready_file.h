// The file by which a script learns that a process serves, and at which addresses.
#pragma once

#include <map>
#include <string>

#include <absl/status/status.h>

namespace tarn::server {

// Writes {"pid": 1, "addresses": {"catalog": "127.0.0.1:7101"}} whole or not at all. The path may
// be "", which writes nothing. FAILED_PRECONDITION with reason READY_FILE_FAILED.
absl::Status WriteReadyFile(const std::string& path,
                            const std::map<std::string, std::string>& addresses);

// Only where the file is this process's own: another one may have been started in its place.
void RemoveReadyFile(const std::string& path);

}  // namespace tarn::server

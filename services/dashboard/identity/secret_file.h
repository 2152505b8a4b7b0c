// Files that hold one secret and nothing else. Any thread.
#pragma once

#include <optional>
#include <string>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

namespace tarn::dashboard {

// The text of the file without white space around it, or nothing when there is no such file.
// FAILED_PRECONDITION with reason KEY_FILE_UNREADABLE.
absl::StatusOr<std::optional<std::string>> ReadSecretFile(const std::string& path);

// Makes the file, readable by its owner alone, and its folder. It appears whole and flushed, or
// not at all, and never replaces a file that is there: ALREADY_EXISTS with reason KEY_FILE_EXISTS.
// FAILED_PRECONDITION with reason KEY_FILE_UNWRITABLE.
absl::Status CreateSecretFile(const std::string& path, const std::string& secret);

}  // namespace tarn::dashboard

// Files that hold one secret and nothing else: keys, passwords, addresses that are secret. Any
// thread.
//
// A file that others can read is no secret, so it is refused: nobody but its owner may have any
// right to it. One that belongs to root may be read by its group as well, so that root can give a
// secret to a service (as PostgreSQL has it, and as containers mount secrets).
#pragma once

#include <string>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

namespace tarn {

inline constexpr size_t kMaxSecretFileBytes = 64 * 1024;

// The text of the file without white space around it; it may be empty. Errors: NOT_FOUND with
// reason SECRET_FILE_MISSING; FAILED_PRECONDITION with SECRET_FILE_EXPOSED (others can read it: the
// message has the command that mends it) or SECRET_FILE_UNREADABLE (also: it is no file, or larger
// than kMaxSecretFileBytes).
absl::StatusOr<std::string> ReadSecretFile(const std::string& path);

// Makes the file, for its owner alone, and its folder. It appears whole and flushed, or not at all,
// and never replaces a file that is there: ALREADY_EXISTS with reason SECRET_FILE_EXISTS.
// FAILED_PRECONDITION with reason SECRET_FILE_UNWRITABLE. A kill in the middle leaves at most a
// hidden temporary file, for its owner alone too.
absl::Status CreateSecretFile(const std::string& path, const std::string& secret);

}  // namespace tarn

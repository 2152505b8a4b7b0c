// The two keys that exist before anybody can make one: the administrator's, and the services'.
//
// Each lives in a file. A file that is there (a container's mounted secret, or one of an earlier
// start) is registered; else a key is made, its file written durably, and only then its row
// committed: a kill in between leaves a file whose key the next start registers, never a row whose
// secret nobody has. The administrator's key is made once: an administrator who has put it away
// may delete the file. The services' key is made whenever its file is missing.
#pragma once

#include <string>

#include <absl/status/status.h>

namespace tarn {
class Clock;
}

namespace tarn::dashboard {

class IdentityStore;

struct KeyFiles {
  std::string admin;
  std::string service;
};

// Whether the files that exist hold well-formed keys; needs no database. FAILED_PRECONDITION with
// reason KEY_FILE_MALFORMED, or those of ReadSecretFile.
absl::Status CheckKeyFiles(const KeyFiles& files);

// Registers or makes both keys. May be repeated, and may run in several processes at once. Errors:
// those above, of common/secret_file and of the store.
absl::Status EnsureFirstKeys(const KeyFiles& files, IdentityStore& store, const Clock& clock);

}  // namespace tarn::dashboard

#include "services/dashboard/identity/first_start.h"

#include <optional>
#include <string_view>

#include "common/auth/caller.h"
#include "common/clock/clock.h"
#include "common/failpoint/failpoint.h"
#include "common/logging/logging.h"
#include "common/secret_file/secret_file.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/dashboard/identity/identity_store.h"
#include "services/dashboard/identity/key_secret.h"
#include "services/dashboard/identity/key_validation.h"

namespace tarn::dashboard {
namespace {

constexpr char kDefaultWorkspace[] = "default";

// The key in the file, or nothing without one.
absl::StatusOr<std::optional<KeySecret>> ReadKeyFile(const std::string& path) {
  absl::StatusOr<std::string> text = ReadSecretFile(path);
  if (absl::IsNotFound(text.status())) return std::nullopt;
  if (!text.ok()) return text.status();
  std::optional<KeySecret> secret = ParseKeySecret(*text);
  if (!secret.has_value()) {
    return FailedPrecondition(
        "KEY_FILE_MALFORMED",
        "the key file " + path +
            " does not hold a key of the form tarn_<12 hexadecimal digits>_<43 characters of "
            "base64url>; put one there, or remove the file to have a key made",
        {{"path", path}});
  }
  return secret;
}

StoredKey MakeKey(const KeySecret& secret, std::string_view user, std::string_view role,
                  std::string_view display_name, const Clock& clock) {
  StoredKey stored;
  stored.key.id = secret.key_id;
  stored.key.workspace = kDefaultWorkspace;
  stored.key.display_name = display_name;
  stored.key.user = user;
  stored.key.roles = {std::string(role)};
  stored.key.create_time = absl::FromUnixMicros(absl::ToUnixMicros(clock.Now()));
  stored.secret_hash = HashSecret(secret.text);
  return stored;
}

// The transaction around this may run again: a file that it wrote itself is fine.
absl::Status WriteKeyFile(const std::string& path, const KeySecret& secret) {
  absl::StatusOr<std::string> there = ReadSecretFile(path);
  if (there.ok() && *there == secret.text) return absl::OkStatus();
  TARN_RETURN_IF_ERROR(CreateSecretFile(path, secret.text));
  TARN_FAILPOINT("dashboard.first_start.after_file");
  return absl::OkStatus();
}

struct FirstKey {
  std::string path;
  std::string_view origin;
  std::string_view user;
  std::string_view role;
  std::string_view display_name;
  bool only_first;
};

absl::Status EnsureKey(const FirstKey& first, IdentityStore& store, const Clock& clock) {
  TARN_ASSIGN_OR_RETURN(std::optional<KeySecret> existing, ReadKeyFile(first.path));
  const KeySecret secret = existing.has_value() ? *existing : NewKeySecret();
  StoredKey key = MakeKey(secret, first.user, first.role, first.display_name, clock);
  if (existing.has_value()) {
    return Annotate(store.RegisterKey(key, first.origin), "the key file " + first.path);
  }
  TARN_ASSIGN_OR_RETURN(bool added, store.InsertFileKey(key, first.origin, first.only_first, [&] {
    return WriteKeyFile(first.path, secret);
  }));
  if (added) {
    logging::Info("dashboard", "made a key", {{"user", first.user}, {"file", first.path}});
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckKeyFiles(const KeyFiles& files) {
  TARN_RETURN_IF_ERROR(ReadKeyFile(files.admin).status());
  return ReadKeyFile(files.service).status();
}

absl::Status EnsureFirstKeys(const KeyFiles& files, IdentityStore& store, const Clock& clock) {
  TARN_RETURN_IF_ERROR(EnsureKey({.path = files.admin,
                                  .origin = kOriginAdminFile,
                                  .user = "admin",
                                  .role = auth::kAdminRole,
                                  .display_name = "administrator, from the first start",
                                  .only_first = true},
                                 store, clock));
  return EnsureKey({.path = files.service,
                    .origin = kOriginServiceFile,
                    .user = kServiceUser,
                    .role = auth::kServiceRole,
                    .display_name = "Tarn's own services",
                    .only_first = false},
                   store, clock);
}

}  // namespace tarn::dashboard

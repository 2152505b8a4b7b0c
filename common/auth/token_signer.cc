#include "common/auth/token_signer.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <unistd.h>

#include <absl/cleanup/cleanup.h>
#include <sys/stat.h>

#include "common/auth/token_format.h"
#include "common/clock/clock.h"
#include "common/ids/ids.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"

namespace tarn::auth {
namespace {

constexpr size_t kMaxPemBytes = 16 * 1024;

absl::Status KeyFileError(const std::string& path, const std::string& problem) {
  return FailedPrecondition("SIGNING_KEY_UNREADABLE",
                            "the token signing key " + path + " " + problem, {{"path", path}});
}

absl::StatusOr<std::string> ReadKeyFile(const std::string& path) {
  int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0 && errno == ENOENT) {
    return NotFound("SIGNING_KEY_MISSING", "the token signing key " + path + " does not exist",
                    {{"path", path}});
  }
  if (fd < 0) return KeyFileError(path, std::string("cannot be opened: ") + strerror(errno));
  absl::Cleanup close_file = [fd] { close(fd); };
  struct stat info;
  if (fstat(fd, &info) != 0) return KeyFileError(path, strerror(errno));
  if ((info.st_mode & 077) != 0) {
    return KeyFileError(path, "can be read by others than its owner; run: chmod 600 " + path);
  }
  std::string text(kMaxPemBytes, '\0');
  ssize_t length = read(fd, text.data(), text.size());
  if (length < 0) return KeyFileError(path, std::string("cannot be read: ") + strerror(errno));
  text.resize(static_cast<size_t>(length));
  return text;
}

// Writes `pem` beside `path`, flushes it, and links it to `path` unless that exists by now. After
// a kill in the middle at most a hidden temporary file is left.
absl::Status CreateKeyFile(const std::string& path, const std::string& pem) {
  std::filesystem::path folder = std::filesystem::path(path).parent_path();
  if (folder.empty()) folder = ".";
  std::error_code ignored;
  std::filesystem::create_directories(folder, ignored);
  std::string temporary = (folder / (".signing-key-" + NewShortId())).string();
  int fd = open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) {
    return KeyFileError(path, std::string("cannot be created: ") + strerror(errno) +
                                  "; check that the folder is writable");
  }
  absl::Cleanup remove = [&temporary] { unlink(temporary.c_str()); };
  bool written =
      write(fd, pem.data(), pem.size()) == static_cast<ssize_t>(pem.size()) && fsync(fd) == 0;
  int write_error = errno;
  close(fd);
  if (!written)
    return KeyFileError(path, std::string("cannot be written: ") + strerror(write_error));
  if (link(temporary.c_str(), path.c_str()) != 0 && errno != EEXIST) {
    return KeyFileError(path, std::string("cannot be created: ") + strerror(errno));
  }
  int folder_fd = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder_fd >= 0) {
    fsync(folder_fd);
    close(folder_fd);
  }
  return absl::OkStatus();
}

}  // namespace

TokenSigner::TokenSigner(PrivateKey key)
    : key_(std::move(key)), signing_key_{KeyIdOf(key_.public_key()), key_.public_key()} {}

absl::StatusOr<TokenSigner> TokenSigner::Generate() {
  TARN_ASSIGN_OR_RETURN(PrivateKey key, PrivateKey::Generate());
  return TokenSigner(std::move(key));
}

absl::StatusOr<TokenSigner> TokenSigner::FromPemFile(const std::string& path) {
  TARN_ASSIGN_OR_RETURN(std::string pem, ReadKeyFile(path));
  absl::StatusOr<PrivateKey> key = PrivateKey::FromPem(pem);
  if (!key.ok()) return KeyFileError(path, "is damaged: " + std::string(key.status().message()));
  return TokenSigner(*std::move(key));
}

absl::StatusOr<TokenSigner> TokenSigner::LoadOrCreate(const std::string& path) {
  absl::StatusOr<TokenSigner> existing = FromPemFile(path);
  if (existing.status().code() != absl::StatusCode::kNotFound) return existing;
  TARN_ASSIGN_OR_RETURN(PrivateKey key, PrivateKey::Generate());
  TARN_ASSIGN_OR_RETURN(std::string pem, key.ToPem());
  TARN_RETURN_IF_ERROR(CreateKeyFile(path, pem));
  // Read back: another process may have been first.
  return FromPemFile(path);
}

absl::StatusOr<MintedToken> TokenSigner::Mint(const Caller& caller, absl::Duration lifetime,
                                              const Clock& clock) const {
  if (lifetime < absl::Seconds(1) || lifetime > kMaxTokenLifetime) {
    return InvalidArgument("TOKEN_LIFETIME_INVALID",
                           "a token must live between one second and five minutes");
  }
  if (caller.workspace.empty() || caller.user.empty()) {
    return InvalidArgument("CALLER_INVALID", "a token needs a workspace and a user");
  }
  absl::Time now = clock.Now();
  // The token holds whole seconds; what the caller is told must be the same.
  absl::Time expire_time = absl::FromUnixSeconds(absl::ToUnixSeconds(now + lifetime));
  std::string signed_part = FormatSignedPart(caller, signing_key_.key_id, now, expire_time);
  TARN_ASSIGN_OR_RETURN(std::string signature, key_.Sign(signed_part));
  return MintedToken{FormatToken(signed_part, signature), expire_time};
}

}  // namespace tarn::auth

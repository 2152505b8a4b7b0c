#include "common/secret_file/secret_file.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <unistd.h>

#include <absl/cleanup/cleanup.h>
#include <absl/strings/ascii.h>
#include <sys/stat.h>

#include "common/ids/ids.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"

namespace tarn {
namespace {

namespace fs = std::filesystem;

absl::Status Unreadable(const std::string& path, const std::string& problem) {
  return FailedPrecondition("SECRET_FILE_UNREADABLE",
                            "the secret file " + path + " cannot be read: " + problem +
                                "; check that it is a file that this user may read",
                            {{"path", path}});
}

absl::Status Unwritable(const std::string& path, int error) {
  return FailedPrecondition("SECRET_FILE_UNWRITABLE",
                            "the secret file " + path + " cannot be written: " + strerror(error) +
                                "; check that its folder is writable and has room",
                            {{"path", path}});
}

absl::Status CheckFile(const std::string& path, const struct stat& info) {
  if (!S_ISREG(info.st_mode)) return Unreadable(path, "it is no file");
  if (info.st_size > static_cast<off_t>(kMaxSecretFileBytes)) {
    return Unreadable(path, "it is larger than 64 KiB, as no secret is");
  }
  const mode_t forbidden = info.st_uid == 0 ? 037 : 077;
  if ((info.st_mode & forbidden) == 0) return absl::OkStatus();
  return FailedPrecondition(
      "SECRET_FILE_EXPOSED",
      "the secret file " + path +
          " can be read or written by others than its owner; run: chmod 600 " + path,
      {{"path", path}});
}

absl::StatusOr<std::string> ReadAll(const std::string& path, int fd) {
  std::string text(kMaxSecretFileBytes, '\0');
  size_t length = 0;
  while (length < text.size()) {
    const ssize_t got = read(fd, text.data() + length, text.size() - length);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Unreadable(path, strerror(errno));
    if (got == 0) break;
    length += static_cast<size_t>(got);
  }
  text.resize(length);
  return text;
}

// Whether all of it is written and flushed; errno says why not.
bool WriteAll(int fd, const std::string& text) {
  size_t written = 0;
  while (written < text.size()) {
    const ssize_t count = write(fd, text.data() + written, text.size() - written);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return false;
    written += static_cast<size_t>(count);
  }
  return fsync(fd) == 0;
}

// Without this a power cut could lose the file's name although its content was flushed.
void FlushFolder(const fs::path& folder) {
  const int fd = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  fsync(fd);
  close(fd);
}

}  // namespace

absl::StatusOr<std::string> ReadSecretFile(const std::string& path) {
  // Not blocking: somebody may have named a pipe.
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0 && (errno == ENOENT || errno == ENOTDIR)) {
    return NotFound("SECRET_FILE_MISSING", "the secret file " + path + " does not exist",
                    {{"path", path}});
  }
  if (fd < 0) return Unreadable(path, strerror(errno));
  absl::Cleanup close_file = [fd] { close(fd); };
  struct stat info;
  if (fstat(fd, &info) != 0) return Unreadable(path, strerror(errno));
  TARN_RETURN_IF_ERROR(CheckFile(path, info));
  TARN_ASSIGN_OR_RETURN(std::string text, ReadAll(path, fd));
  absl::StripAsciiWhitespace(&text);
  return text;
}

absl::Status CreateSecretFile(const std::string& path, const std::string& secret) {
  fs::path folder = fs::path(path).parent_path();
  if (folder.empty()) folder = ".";
  std::error_code ignored;  // that it cannot be made is seen when the file is
  fs::create_directories(folder, ignored);
  const std::string temporary = (folder / (".secret-" + NewShortId())).string();
  const int fd = open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return Unwritable(path, errno);
  absl::Cleanup remove = [&temporary] { unlink(temporary.c_str()); };
  const bool written = WriteAll(fd, secret + "\n");
  const int write_error = errno;
  close(fd);
  if (!written) return Unwritable(path, write_error);
  // link, unlike rename, does not replace.
  if (link(temporary.c_str(), path.c_str()) != 0) {
    if (errno != EEXIST) return Unwritable(path, errno);
    return AlreadyExists("SECRET_FILE_EXISTS", "the secret file " + path + " exists already",
                         {{"path", path}});
  }
  FlushFolder(folder);
  return absl::OkStatus();
}

}  // namespace tarn

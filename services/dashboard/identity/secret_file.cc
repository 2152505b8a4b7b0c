#include "services/dashboard/identity/secret_file.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <unistd.h>

#include <absl/cleanup/cleanup.h>
#include <absl/strings/ascii.h>

#include "common/ids/ids.h"
#include "common/status/error.h"

namespace tarn::dashboard {
namespace {

absl::Status Unwritable(const std::string& path, int error) {
  return FailedPrecondition("KEY_FILE_UNWRITABLE",
                            "the key file " + path + " cannot be written: " + strerror(error) +
                                "; check that its folder is writable and has room",
                            {{"path", path}});
}

// Without this a power cut could lose the file's name although its content was flushed.
void FlushFolder(const std::filesystem::path& folder) {
  int fd = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  fsync(fd);
  close(fd);
}

}  // namespace

absl::StatusOr<std::optional<std::string>> ReadSecretFile(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::exists(path, error) && !error) return std::nullopt;
  std::ifstream file(path, std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (error || !file.is_open() || file.bad()) {
    return FailedPrecondition(
        "KEY_FILE_UNREADABLE",
        "the key file " + path + " cannot be read; check that this user may read it",
        {{"path", path}});
  }
  absl::StripAsciiWhitespace(&text);
  return text;
}

absl::Status CreateSecretFile(const std::string& path, const std::string& secret) {
  std::filesystem::path folder = std::filesystem::path(path).parent_path();
  if (folder.empty()) folder = ".";
  std::error_code ignored;
  std::filesystem::create_directories(folder, ignored);
  std::string temporary = (folder / (".key-" + NewShortId())).string();
  int fd = open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return Unwritable(path, errno);
  absl::Cleanup remove = [&temporary] { unlink(temporary.c_str()); };
  std::string text = secret + "\n";
  bool written =
      write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && fsync(fd) == 0;
  int write_error = errno;
  close(fd);
  if (!written) return Unwritable(path, write_error);
  // link, unlike rename, does not replace.
  if (link(temporary.c_str(), path.c_str()) != 0) {
    if (errno != EEXIST) return Unwritable(path, errno);
    return AlreadyExists("KEY_FILE_EXISTS", "the key file " + path + " exists already",
                         {{"path", path}});
  }
  FlushFolder(folder);
  return absl::OkStatus();
}

}  // namespace tarn::dashboard
